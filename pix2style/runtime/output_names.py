"""What outputs in a folder are called, apart from where a photo is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from pix2style.images import can_hold_alpha, can_write
from pix2style.runtime.file_settings import FileSettings

# For photos in a format that cannot be written (GIF, or no suffix), and for transparency that JPEG cannot store.
_LOSSLESS_SUFFIX = ".png"


def output_suffix(suffix: str, requested: str | None, files: FileSettings, has_alpha: Callable[[], bool]) -> str:
    """Return the suffix of the output of a photo.

    Args:
        suffix: Suffix of the photo.
        requested: Suffix of all outputs; None for those of the photos.
        files: How images are written.
        has_alpha: Returns whether the photo has transparency; called only if the format has none.
    """
    suffix = requested or files.lossless_suffix(suffix)
    target = Path("name" + suffix)
    if not can_write(target) or (not can_hold_alpha(target) and has_alpha()):
        return _LOSSLESS_SUFFIX
    return suffix


def names_with_suffixes(
    relatives: Sequence[str],
    suffixes: Sequence[str],
    same: Callable[[Sequence[PurePosixPath]], list[list[int]]],
) -> list[PurePosixPath]:
    """Return names for outputs. Where two would be one file, those whose suffix changes keep the old suffix, too.

    Args:
        relatives: Paths of the photos relative to the input folder.
        suffixes: Suffix of the output of each photo.
        same: Returns groups of names that would be one file, as `alike_names.same_files` does.
    """
    names = [PurePosixPath(path).with_suffix(end) for path, end in zip(relatives, suffixes, strict=True)]
    for group in same(names):
        for i in group:
            if names[i].suffix.lower() != PurePosixPath(relatives[i]).suffix.lower():
                names[i] = PurePosixPath(relatives[i] + names[i].suffix)
    return names
