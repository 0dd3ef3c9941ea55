"""Find image files in folders, and list what else lies there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path

from pix2style.errors import DataError
from pix2style.images.kinds import VIDEO_SUFFIXES, is_picture_name, suffix_of
from pix2style.images.left_out import LeftOut
from pix2style.light_dataclass import dataclass


@dataclass(frozen=True, slots=True, order=True)
class FoundImage:
    """An image file, and its path relative to the input folder (with forward slashes, for keys and output names)."""

    relative: str
    path: Path


@dataclass(slots=True)
class ImageSearch:
    """What lies in the inputs.

    Attributes:
        images: The image files, each once, sorted by relative path.
        left_out: What else lies in the input folders, sorted by path. What is inside hidden or linked folders is not
            listed.
        empty_folders: Input folders in which there is no image file.
        missing: Entries of a list that cannot be opened, and why.
    """

    images: list[FoundImage] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    empty_folders: list[Path] = field(default_factory=list)
    missing: list[tuple[Path, str]] = field(default_factory=list)


def find_images(inputs: Iterable[Path]) -> list[FoundImage]:
    """Return the image files of `search_images`."""
    return search_images(inputs).images


def search_images(
    inputs: Iterable[Path],
    also: frozenset[str] = frozenset(),
    *,
    listed: Iterable[Path] = (),
    recursive: bool = True,
) -> ImageSearch:
    """Find the image files among `inputs` and in all folders below them.

    Hidden files are left out. Links to folders are not followed, so that a loop of links cannot trap the search. A file
    that is an input itself is returned whatever its suffix. A subfolder that cannot be opened is returned as if it were
    a file: reading it raises the error that says why, so the caller reports it like any unreadable image. So are
    pictures of a kind that is not read, such as raw photos.

    Args:
        inputs: Files and folders.
        also: Suffixes of further files that are returned with the images, in lower case, for example `.mp4`.
        listed: Further files and folders, from a list that somebody made before. They are relative to the working
            folder, and so are their relative paths. Those that cannot be opened are returned as missing.
        recursive: Whether folders inside of input folders are searched.

    Raises:
        DataError: An input does not exist, or an input folder cannot be opened.
    """
    search = _Search(also, recursive=recursive)
    for entry in inputs:
        search.add(entry)
    for entry in listed:
        search.add_listed(entry)
    return search.result()


class _Search:
    """Collects what lies in the inputs, each path once."""

    def __init__(self, also: frozenset[str], *, recursive: bool) -> None:
        self._also, self._recursive = also, recursive
        # Keyed by text: a Path object caches its parsed parts, which costs memory for a hundred thousand files.
        self._found: dict[str, FoundImage] = {}
        self._left_out: dict[str, LeftOut] = {}
        self._inputs: set[str] = set()
        self._empty_folders: list[Path] = []
        self._missing: list[tuple[Path, str]] = []

    def add(self, entry: Path) -> None:
        if reason := _why_missing(entry):
            raise DataError(f"{entry}: {reason}")
        self._add(entry, entry if entry.is_dir() else entry.parent)

    def add_listed(self, entry: Path) -> None:
        if reason := _why_missing(entry):
            self._missing.append((entry, reason))
            return
        is_below = not entry.is_absolute() and ".." not in entry.parts
        try:
            self._add(entry, Path() if is_below else entry if entry.is_dir() else entry.parent)
        except DataError as error:
            self._missing.append((entry, str(error).removeprefix(f"{entry}: ")))

    def _add(self, entry: Path, base: Path) -> None:
        """Add a file or folder. Relative paths are relative to `base`, a folder at or above it."""
        self._inputs.add(os.fspath(entry))
        if entry.is_dir():
            self._add_folder(entry, base)
        else:
            self._found.setdefault(os.fspath(entry), FoundImage(entry.relative_to(base).as_posix(), entry))

    def _add_folder(self, folder: Path, base: Path) -> None:
        is_empty = True
        for item in _walk(folder, self._also, recursive=self._recursive):
            if isinstance(item, LeftOut):
                self._left_out.setdefault(os.fspath(item.path), item)
                continue
            is_empty = False
            relative = Path(os.path.relpath(item, base)).as_posix()
            self._found.setdefault(os.fspath(item), FoundImage(relative, item))
        if is_empty:
            self._empty_folders.append(folder)

    def result(self) -> ImageSearch:
        # A hidden file or a linked folder may be an input itself.
        left_out = sorted(item for path, item in self._left_out.items() if path not in self._inputs)
        return ImageSearch(sorted(self._found.values()), left_out, self._empty_folders, self._missing)


def _why_missing(entry: Path) -> str:
    """Return why a path cannot be an input; empty if it can."""
    try:
        return "" if entry.exists() else "no such file or folder"
    except (OSError, ValueError) as error:  # inside a folder without permission, the name is too long, or has a NUL
        return getattr(error, "strerror", None) or str(error)


def _walk(folder: Path, also: frozenset[str], *, recursive: bool) -> Iterable[Path | LeftOut]:
    closed: list[Path] = []

    def note(error: OSError) -> None:
        path = Path(error.filename)
        if path == folder:
            raise DataError(f"{folder}: cannot be opened: {error.strerror or error}") from error
        closed.append(path)

    for parent, folders, files in os.walk(folder, onerror=note):
        for name in folders:
            path = Path(parent, name)
            if name.startswith("."):
                yield LeftOut(path, "hidden folder")
            elif path.is_symlink():
                yield LeftOut(path, "linked folder")
            elif not recursive:
                yield LeftOut(path, "subfolder")
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        for name in files:
            yield _sort_out(Path(parent, name), also)
    yield from closed


def _sort_out(path: Path, also: frozenset[str]) -> Path | LeftOut:
    if path.name.startswith("."):
        return LeftOut(path, "hidden file")
    if is_picture_name(path.name) or suffix_of(path.name) in also:
        return path
    return LeftOut(path, "video" if suffix_of(path.name) in VIDEO_SUFFIXES else "other file")
