"""Find image files in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError

IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)


@dataclass(frozen=True, slots=True, order=True)
class FoundImage:
    """An image file, and its path relative to the input folder (with forward slashes, for keys and output names)."""

    relative: str
    path: Path


def find_images(inputs: Iterable[Path]) -> list[FoundImage]:
    """Find the image files among `inputs` and in all folders below them, each once, sorted by relative path.

    Hidden files are left out. Links to folders are not followed, so that a loop of links cannot trap the search. A file
    that is an input itself is returned whatever its suffix. A subfolder that cannot be opened is returned as if it were
    a file: reading it raises the error that says why, so the caller reports it like any unreadable image.

    Raises:
        DataError: An input does not exist, or an input folder cannot be opened.
    """
    # Keyed by text: a Path object caches its parsed parts, which costs memory for a hundred thousand files.
    found: dict[str, FoundImage] = {}
    for entry in inputs:
        try:
            is_folder, exists = entry.is_dir(), entry.exists()
        except OSError as error:  # inside a folder without permission, or the name is too long
            raise DataError(f"{entry}: {error.strerror or error}") from error
        if is_folder:
            for path in _walk(entry):
                relative = Path(os.path.relpath(path, entry)).as_posix()
                found.setdefault(os.fspath(path), FoundImage(relative, path))
        elif exists:
            found.setdefault(os.fspath(entry), FoundImage(entry.name, entry))
        else:
            raise DataError(f"{entry}: no such file or folder")
    return sorted(found.values())


def _walk(folder: Path) -> Iterable[Path]:
    closed: list[Path] = []

    def note(error: OSError) -> None:
        path = Path(error.filename)
        if path == folder:
            raise DataError(f"{folder}: cannot be opened: {error.strerror or error}") from error
        closed.append(path)

    for parent, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(parent, name)
    yield from closed
