"""Write what the camera sees and what the filter makes of it as two PNG files."""

from __future__ import annotations

from pathlib import Path

from pix2style.errors import DataError
from pix2style.images import Picture, resize, write_picture
from pix2style.live.frame import StylizedFrame
from pix2style.live.output_files import free_stem

_SUFFIXES = ("-photo.png", "-stylized.png")


def write_snapshot(folder: Path, frame: StylizedFrame) -> tuple[Path, Path]:
    """Write a frame and its stylized image, both in the size of the camera, under names that are free.

    Returns:
        Paths of the photo and of the stylized image.

    Raises:
        DataError: A file cannot be written.
    """
    photo = frame.captured.rgb
    stem = free_stem(folder, _SUFFIXES)
    paths = (stem.with_name(stem.name + _SUFFIXES[0]), stem.with_name(stem.name + _SUFFIXES[1]))
    for path, rgb in zip(paths, (photo, resize(frame.stylized, *photo.shape[:2])), strict=True):
        try:
            write_picture(path, Picture(rgb))
        except OSError as error:
            raise DataError(f"{path}: cannot be written ({error.strerror or error})") from error
    return paths
