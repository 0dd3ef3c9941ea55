"""Write image files that hold several pictures: animations, and documents of several pages."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, TiffImagePlugin

from pix2style.errors import DataError
from pix2style.files import atomic_path
from pix2style.images.encode import format_of, writing
from pix2style.images.metadata import PictureMetadata
from pix2style.images.origin import origin_options
from pix2style.images.picture import Picture
from pix2style.images.sequence import Frame, PictureSequence
from pix2style.images.store_metadata import add_metadata, metadata_options, of_size

_CAN_HOLD = {"frames": {"PNG": ".png", "WEBP": ".webp", "AVIF": ".avif"}, "pages": {"TIFF": ".tif"}}


def check_can_hold(path: Path, sequence: PictureSequence) -> None:
    """Check that the format named by the suffix of `path` holds animations, or documents of several pages.

    Raises:
        DataError: It does not. The message names formats that do.
    """
    formats = _CAN_HOLD[sequence.noun]
    if format_of(path) not in formats:
        raise DataError(
            f"{path}: cannot be written: it would hold only one of {len(sequence)} {sequence.noun}: write it as"
            f" {' or '.join(formats.values())}"
        )


def write_sequence(
    path: Path, frames: Iterable[Frame], like: PictureSequence, *, quality: int = 95, origin: str | None = None
) -> None:
    """Write an animation or a document of several pages. No partial file is left behind on failure.

    Args:
        path: File to write; its suffix selects the format. See `check_can_hold`.
        frames: The pictures. Pages are written one at a time, while all frames of an animation are kept in memory.
        like: The sequence that the frames were made from; it says how often they are played.
        quality: Quality of WebP files, 1 to 100. What was stored without loss in a WebP file becomes so again.
        origin: A note in the file that says what made it; see `read_origin`.

    Raises:
        DataError: The file cannot be written.
    """
    check_can_hold(path, like)
    with writing(path), atomic_path(path) as temporary, temporary.open("w+b") as stream:
        _write(stream, str(format_of(path)), frames, like, quality=quality, origin=origin)


def encode_sequence(
    name: Path, frames: Iterable[Frame], like: PictureSequence, *, quality: int = 95, origin: str | None = None
) -> bytes:
    """Return the content of the file that `write_sequence` writes.

    Args:
        name: Name of the sequence in messages; its suffix selects the format.
        frames: The pictures; see `write_sequence`.
        like: The sequence that the frames were made from.
        quality: Quality of WebP files.
        origin: A note in the file that says what made it.

    Raises:
        DataError: The format cannot hold the sequence.
    """
    check_can_hold(name, like)
    stream = io.BytesIO()
    with writing(name):
        _write(stream, str(format_of(name)), frames, like, quality=quality, origin=origin)
    return stream.getvalue()


def _write(
    stream: IO[bytes], kind: str, frames: Iterable[Frame], like: PictureSequence, *, quality: int, origin: str | None
) -> None:
    if like.noun == "pages":
        _write_pages(stream, frames, origin)
        return
    pictures = list(frames)
    metadata = of_size(pictures[0].picture.metadata, pictures[0].picture.rgb)
    note = metadata_options(kind, metadata, origin_options(kind, origin))
    options = {**_animation_options(kind, like, quality), **note}
    shows_first = kind != "PNG" or not like.has_default_image
    if shows_first and like.has_default_image:
        pictures = pictures[1:]  # only PNG files hold a picture that is no frame
    _write_animation(stream, kind, pictures, options, shows_first=shows_first)


def _write_pages(stream: IO[bytes], frames: Iterable[Frame], origin: str | None) -> None:
    first: PictureMetadata | None = None
    writer = TiffImagePlugin.AppendingTiffWriter(stream, new=True)
    for number, frame in enumerate(frames):
        picture = frame.picture
        first = of_size(picture.metadata, picture.rgb) if number == 0 else first
        image = _as_pillow(picture, has_alpha=picture.alpha is not None)
        note = metadata_options("TIFF", picture.metadata, origin_options("TIFF", origin))
        image.save(writer, "TIFF", compression="tiff_lzw", **_profile(picture), **note)
        writer.newFrame()
    add_metadata(stream, "TIFF", first)


def _animation_options(kind: str, like: PictureSequence, quality: int) -> dict[str, Any]:
    """Return the options of Pillow's `save` for an animation of a format."""
    webp = {"lossless": True, "quality": 50, "exact": True} if like.lossless else {"quality": quality, "method": 4}
    options: dict[str, dict[str, Any]] = {
        # Whole frames: nothing of the one before it shows through.
        "PNG": {"disposal": 0, "blend": 0, "default_image": like.has_default_image, "loop": like.plays},
        "WEBP": {**webp, "loop": like.plays},
        "AVIF": {"quality": 90},
    }
    return options[kind]


def _write_animation(
    stream: IO[bytes], kind: str, frames: list[Frame], options: dict[str, Any], *, shows_first: bool
) -> None:
    frames = _on_one_canvas(frames)
    has_alpha = any(frame.picture.alpha is not None for frame in frames)
    first, *others = [_as_pillow(frame.picture, has_alpha=has_alpha) for frame in frames]
    durations = [frame.duration_ms for frame in (frames if shows_first else frames[1:])]
    extra = {**_profile(frames[0].picture), **options}
    first.save(stream, kind, save_all=True, append_images=others, duration=durations, **extra)


def _on_one_canvas(frames: list[Frame]) -> list[Frame]:
    """Extend frames to the size of the largest one, by transparency: in GIF files, later frames may be larger."""
    height = max(frame.picture.rgb.shape[0] for frame in frames)
    width = max(frame.picture.rgb.shape[1] for frame in frames)
    return [_extended(frame, height, width) for frame in frames]


def _extended(frame: Frame, height: int, width: int) -> Frame:
    picture = frame.picture
    below, right = height - picture.rgb.shape[0], width - picture.rgb.shape[1]
    if not below and not right:
        return frame
    alpha = np.full(picture.rgb.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    rgb = np.pad(picture.rgb, ((0, below), (0, right), (0, 0)), constant_values=255)
    return replace(frame, picture=replace(picture, rgb=rgb, alpha=np.pad(alpha, ((0, below), (0, right)))))


def _as_pillow(picture: Picture, *, has_alpha: bool) -> Image.Image:
    if not has_alpha:
        return Image.fromarray(picture.rgb)
    alpha = np.full(picture.rgb.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    return Image.fromarray(np.dstack([picture.rgb, alpha]))


def _profile(picture: Picture) -> dict[str, bytes]:
    return {"icc_profile": picture.icc_profile} if picture.icc_profile else {}
