"""Load a planned photo, and crop, resize or vary it to the content of its pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, Picture, crop_to_square, decode_picture, fit_within, read_file
from pix2style.images.reasons import NO_MEMORY
from pix2style.pairs.build.variants import apply_variation, draw_variation, pair_size
from pix2style.pairs.format.records import Failure, Fit, PlannedPhoto

# Pillow puts the memory address of an object into some messages, which would differ from run to run.
_MEMORY_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# The limit of JPEG. It applies to PNG too, so that `format` changes nothing else about a set.
_LONGEST_SIDE_PX = 65_500


@dataclass(frozen=True, slots=True)
class ContentImage:
    """A photo that is ready to be stylized.

    Attributes:
        photo: The planned photo or variant.
        rgb: uint8 [height, width, 3] in sRGB, cropped, resized or varied as the plan says.
        photo_height_px: Height of the upright photo in the file.
        photo_width_px: Width of the upright photo in the file.
    """

    photo: PlannedPhoto
    rgb: Image8
    photo_height_px: int
    photo_width_px: int


def load_content(photo: PlannedPhoto, path: Path, size_px: int, fit: Fit) -> ContentImage | Failure:
    """Load a planned photo or variant as the content of its pairs.

    Args:
        photo: The planned photo or variant. The file must still have the planned digest.
        path: File of the photo.
        size_px: Size of the content in pixels; `fit` says which side it is.
        fit: Whether the photo is cropped to a square (`crop`), resized (`fit`) or kept in its own size (`keep`).

    Returns:
        The content, or a failure with the reason. The reason is written to the set, so it depends on the file alone and
        is the same in every run.
    """
    try:
        data = read_file(path)
        if sha256_bytes(data) != photo.sha256:
            return _failure(photo, "changed while pairs were being made")
        picture = decode_picture(data, name=photo.file_name, to_srgb=True)
        return _content_of(photo, picture, size_px, fit)
    except MemoryError:
        return _failure(photo, NO_MEMORY)
    except OSError as error:
        return _failure(photo, error.strerror or str(error))
    except ImageError as error:
        return _failure(photo, _MEMORY_ADDRESS.sub("", error.reason))


def _content_of(photo: PlannedPhoto, picture: Picture, size_px: int, fit: Fit) -> ContentImage | Failure:
    height_px, width_px = picture.rgb.shape[:2]
    if max(pair_size(height_px, width_px, size_px, fit)) > _LONGEST_SIDE_PX:
        reason = f"{width_px}x{height_px} px is longer than the {_LONGEST_SIDE_PX} px that a pair holds: crop or fit it"
        return _failure(photo, reason)
    rgb = picture.on_white()
    if photo.variant:
        rgb = apply_variation(rgb, draw_variation(photo.sha256, photo.variant), size_px, fit)
    else:
        rgb = fit_content(rgb, size_px, fit)
    return ContentImage(photo, rgb, height_px, width_px)


def fit_content(rgb: Image8, size_px: int, fit: Fit) -> Image8:
    """Crop or resize a photo that is no variant; the arguments are those of `load_content`."""
    if fit == "crop":
        return crop_to_square(rgb, size_px)
    return fit_within(rgb, size_px) if fit == "fit" else rgb


def _failure(photo: PlannedPhoto, reason: str) -> Failure:
    return Failure(source=photo.source, sha256=photo.sha256, reason=reason)
