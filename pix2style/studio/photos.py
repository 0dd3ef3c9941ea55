"""Photos in the studio: a version for the screen, thumbnails in every filter, previews, and results in full size."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pix2style.effects.masked import with_mask
from pix2style.errors import ConfigError, ImageError
from pix2style.files import write_bytes
from pix2style.images import (
    MAX_PIXELS,
    Image8,
    PictureSequence,
    decode_picture,
    encode_jpeg,
    fit_within,
    open_images,
    to_srgb,
)
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_files import stylize_files
from pix2style.studio.choice import LEAST_STROKE, LOOK_PX, Choice, OutputChoice
from pix2style.studio.filters import Filters
from pix2style.studio.limits import StudioLimits
from pix2style.studio.uploads import Upload
from pix2style.stylizer import Stylizer

PREVIEW_PX = LOOK_PX
NO_FILTER = "none"
_THUMBNAIL_PX = 256
_STYLIZED_THUMBNAIL_PX = 512  # shrunk afterwards, so that strokes look nearly as fine as in the photo
_KEPT_PICTURES = 8
_KEPT_THUMBNAILS = 400
_QUALITY = 90
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_THUMBNAIL_QUALITY = 80


@dataclass(frozen=True, slots=True)
class ScreenPhoto:
    """A photo as the page shows it.

    Attributes:
        rgb: The photo in sRGB, on white, with at most `PREVIEW_PX` pixels a side.
        width_px: Width of the photo itself.
        height_px: Height of the photo itself.
        frames: Number of its frames or pages; only the first one is shown.
        notes: What a person should know about the file.
    """

    rgb: Image8
    width_px: int
    height_px: int
    frames: int
    notes: tuple[str, ...]

    def to_json(self, upload: Upload) -> dict[str, Any]:
        """Return what the page has to know about the photo."""
        return {
            "id": upload.id,
            "name": upload.name,
            "width": self.width_px,
            "height": self.height_px,
            "frames": self.frames,
            "notes": list(self.notes),
        }


class Photos:
    """Reads and stylizes photos. Photos that were read last are kept in memory in the size of the screen.

    Args:
        filters: The filters to choose from.
        limits: What is accepted.
    """

    def __init__(self, filters: Filters, limits: StudioLimits) -> None:
        self._filters, self._limits = filters, limits
        self._pictures: OrderedDict[str, ScreenPhoto] = OrderedDict()
        self._thumbnails: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()
        # One preview at a time is as fast as several, because each uses all cores; a full-size result must not make
        # them wait, and two of those at a time could fill the memory.
        self._preview_turn, self._result_turn, self._decode_turn = (threading.Lock() for _ in range(3))

    def forget(self, upload_id: str) -> None:
        """Drop what is kept in memory about a photo."""
        with self._lock:
            self._pictures.pop(upload_id, None)
            for key in [key for key in self._thumbnails if key[0] == upload_id]:
                del self._thumbnails[key]

    def read(self, upload: Upload) -> ScreenPhoto:
        """Return a photo as the page shows it.

        Raises:
            ImageError: It cannot be decoded, or has too many pixels.
        """
        return _keep(self._pictures, self._lock, upload.id, _KEPT_PICTURES, lambda: self._decode(upload))

    def original(self, upload: Upload) -> bytes:
        """Return the photo as a JPEG file for the screen."""
        return encode_jpeg(self.read(upload).rgb, _QUALITY)

    def thumbnail(self, upload: Upload, filter_id: str) -> bytes:
        """Return a small version of the photo in a filter, or itself for the id `NO_FILTER`, as a JPEG file."""

        def make() -> bytes:
            shown = fit_within(self.read(upload).rgb, _STYLIZED_THUMBNAIL_PX)
            if filter_id != NO_FILTER:
                with self._preview_turn:
                    [shown] = self._filters.stylizer(Choice(((filter_id, 1.0),), same_look=False)).stylize([shown])
            return encode_jpeg(fit_within(shown, _THUMBNAIL_PX), _THUMBNAIL_QUALITY)

        return _keep(self._thumbnails, self._lock, (upload.id, filter_id), _KEPT_THUMBNAILS, make)

    def preview(self, upload: Upload, choice: Choice) -> bytes:
        """Return the stylized photo as a JPEG file for the screen."""
        photo = self.read(upload)
        with self._preview_turn:
            [stylized] = self._stylizer(upload, _for_screen(choice, photo)).stylize([photo.rgb])
        return encode_jpeg(stylized, _QUALITY)

    def result(self, upload: Upload, choice: Choice, output: OutputChoice | None = None) -> Path:
        """Stylize a photo in full size into a file, as `infer` does, and return the file in a folder of its own.

        Raises:
            DataError: It cannot be stylized or written; the message says why.
        """
        folder, output = upload.folder / secrets.token_hex(8), output or OutputChoice()
        files = FileSettings(metadata=output.metadata, lossless=output.lossless)
        with self._result_turn:
            report = stylize_files(self._stylizer(upload, choice), [upload.path], folder, files=files)
        if report.failures:
            raise ImageError(upload.name, report.failures[0].reason)
        return report.written[0]

    def set_mask(self, upload: Upload, data: bytes) -> None:
        """Keep a mask for a photo: a PNG file that is white where the photo is to be stylized.

        Raises:
            ImageError: It is no picture, or has too many pixels.
        """
        decode_picture(data, name="the mask", max_pixels=self._limits.frame_pixels)
        write_bytes(upload.mask, data)

    def _stylizer(self, upload: Upload, choice: Choice) -> Stylizer:
        """Return what stylizes the photo, within its mask if that is chosen."""
        stylizer = self._filters.stylizer(choice)
        if not choice.use_mask:
            return stylizer
        if not upload.mask.exists():
            raise ConfigError(f"{upload.name}: has no mask yet: brush on the picture")
        return with_mask(stylizer, upload.mask)

    def _decode(self, upload: Upload) -> ScreenPhoto:
        """Decode a photo, or the first one of several; `MAX_PIXELS` bounds what is decoded."""
        with self._decode_turn:
            try:
                opened, frames = open_images(upload.path), 1
                if isinstance(opened, PictureSequence):
                    frames, opened = len(opened), next(opened.frames()).picture
            except ImageError as error:
                raise ImageError(upload.name, error.reason) from error
            height, width = opened.rgb.shape[:2]
            if frames * height * width > MAX_PIXELS:
                raise ImageError(upload.name, f"too many pixels in {frames} pictures: use pix2style infer")
            shown = fit_within(opened.on_white(), PREVIEW_PX)
            return ScreenPhoto(to_srgb(shown, opened.icc_profile), width, height, frames, opened.notes)


def _for_screen(choice: Choice, photo: ScreenPhoto) -> Choice:
    """Return the choice by which the smaller photo on the screen looks as the photo in full size will.

    Where strokes have their own size in pixels, they are smaller on the screen; not below what `StrokeSize` does.
    """
    if choice.same_look:
        return choice
    scale = photo.rgb.shape[1] / photo.width_px
    return replace(choice, stroke=max(LEAST_STROKE, choice.stroke * scale))


def _keep(
    kept: OrderedDict[_Key, _Value], lock: threading.Lock, key: _Key, most: int, make: Callable[[], _Value]
) -> _Value:
    """Return the value of a key, which is made if it is not kept; at most `most` values are, the newest ones."""
    with lock:
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    value = make()
    with lock:
        kept[key] = value
        while len(kept) > most:
            kept.popitem(last=False)
    return value
