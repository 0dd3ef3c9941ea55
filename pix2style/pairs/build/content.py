"""Load a planned photo as the content image of its pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, crop_to_square, decode_picture, fit_within, read_file
from pix2style.pairs.build.variants import apply_variation, draw_variation, pair_size
from pix2style.pairs.format.manifest import Failure, Fit, PlannedPhoto

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# What JPEG holds; for PNG too, so that the format changes nothing else.
_LONGEST_SIDE_PX = 65_500


@dataclass(frozen=True, slots=True)
class ContentImage:
    """A photo, ready to be painted.

    Attributes:
        photo: its place in the plan.
        rgb: uint8 [height, width, 3], sRGB, cut, shrunk or varied as asked for.
        photo_height_px: of the file's picture, upright.
        photo_width_px: of the file's picture, upright.
    """

    photo: PlannedPhoto
    rgb: Image8
    photo_height_px: int
    photo_width_px: int


def load_content(photo: PlannedPhoto, path: Path, size_px: int, fit: Fit) -> ContentImage | Failure:
    """Read a planned photo, or the photo of a planned variant, and cut, shrink or vary it.

    Args:
        photo: the plan's entry; the file must still have its digest.
        path: the file.
        size_px: of the pictures, as `fit` says.
        fit: `crop` to a square, `fit` the longer side, or `keep`.

    Returns:
        The photo, or why there is none. The reason depends on the file alone, so that it is the same in every run.
    """
    try:
        data = read_file(path)
        if sha256_bytes(data) != photo.sha256:
            return _failure(photo, "changed while pairs were being made")
        picture = decode_picture(data, name=photo.file, to_srgb=True)
    except OSError as error:
        return _failure(photo, error.strerror or str(error))
    except ImageError as error:
        return _failure(photo, _ADDRESS.sub("", error.reason))
    height_px, width_px = picture.rgb.shape[:2]
    if max(pair_size(height_px, width_px, size_px, fit)) > _LONGEST_SIDE_PX:
        reason = f"{width_px}x{height_px} px is longer than the {_LONGEST_SIDE_PX} px that a pair holds: crop or fit it"
        return _failure(photo, reason)
    rgb = picture.on_white()
    if photo.variant:
        rgb = apply_variation(rgb, draw_variation(photo.sha256, photo.variant), size_px, fit)
    elif fit == "crop":
        rgb = crop_to_square(rgb, size_px)
    elif fit == "fit":
        rgb = fit_within(rgb, size_px)
    return ContentImage(photo, rgb, height_px, width_px)


def _failure(photo: PlannedPhoto, reason: str) -> Failure:
    return Failure(source=photo.source, sha256=photo.sha256, reason=reason)
