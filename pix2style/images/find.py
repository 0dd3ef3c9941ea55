"""Picture files in folders."""

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
    """A picture file, and its name relative to the folder that was asked for (POSIX, for keys and outputs)."""

    relative: str
    path: Path


def find_images(inputs: Iterable[Path]) -> list[FoundImage]:
    """Picture files named in `inputs` or anywhere below its folders, each once, sorted by relative name.

    Hidden files are passed over, and links to folders are not followed (so a loop cannot trap the scan). A file
    named outright is taken whatever its suffix. A folder inside that cannot be looked into is among the results: who
    reads it learns why, and lists it like a picture that cannot be read.

    Raises:
        DataError: an input does not exist or cannot be looked into.
    """
    # By text: paths keep what they once worked out, and there may be a hundred thousand of them.
    found: dict[str, FoundImage] = {}
    for entry in inputs:
        try:
            is_folder, exists = entry.is_dir(), entry.exists()
        except OSError as error:  # in a folder that may not be entered; a name that is too long
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
            raise DataError(f"{folder}: cannot be looked into: {error.strerror or error}") from error
        closed.append(path)

    for parent, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(parent, name)
    yield from closed
