"""Find image files in folders, and list what else lies there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import field
from pathlib import Path

from pix2style.errors import DataError
from pix2style.images.found import FoundImage, FoundImages, Place, equal_texts
from pix2style.images.kinds import VIDEO_SUFFIXES, is_picture_name, suffix_of
from pix2style.images.left_out import LeftOut, LeftOutList, LeftOutReason
from pix2style.light_dataclass import dataclass


@dataclass(slots=True)
class ImageListing:
    """The image files in the inputs, and what else lies there, in little memory.

    Attributes:
        images: The image files, each once, sorted by relative path.
        left_out: What else lies in the input folders, sorted by path. What is inside hidden or linked folders is not
            listed.
        empty_folders: Input folders in which there is no image file.
        missing: Entries of a list that cannot be opened, and why.
    """

    images: FoundImages
    left_out: LeftOutList
    empty_folders: list[Path]
    missing: list[tuple[Path, str]]


@dataclass(slots=True)
class ImageSearch:
    """The same as `ImageListing`, as plain lists."""

    images: list[FoundImage] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    empty_folders: list[Path] = field(default_factory=list)
    missing: list[tuple[Path, str]] = field(default_factory=list)


def find_images(inputs: Iterable[Path]) -> list[FoundImage]:
    """Return the image files of `search_images`."""
    return search_images(inputs).images


def search_images(inputs: Iterable[Path]) -> ImageSearch:
    """Search as `list_images` does, and return plain lists."""
    found = list_images(inputs)
    return ImageSearch(list(found.images), list(found.left_out), found.empty_folders, found.missing)


def list_images(
    inputs: Iterable[Path],
    also: frozenset[str] = frozenset(),
    *,
    listed: Iterable[Path] = (),
    recursive: bool = True,
) -> ImageListing:
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
        self._images, self._left_out = FoundImages(), LeftOutList()
        # Inputs that would be left out if they were met in a folder.
        self._inputs: set[str] = set()
        self._entries = 0
        self._empty_folders: list[Path] = []
        self._missing: list[tuple[Path, str]] = []

    def add(self, entry: Path) -> None:
        if reason := _why_missing(entry):
            raise DataError(f"{entry}: {reason}")
        self._add(entry, None)

    def add_listed(self, entry: Path) -> None:
        if reason := _why_missing(entry):
            self._missing.append((entry, reason))
            return
        is_below = not entry.is_absolute() and ".." not in entry.parts
        try:
            self._add(entry, Path() if is_below else None)
        except DataError as error:
            self._missing.append((entry, str(error).removeprefix(f"{entry}: ")))

    def _add(self, entry: Path, base: Path | None) -> None:
        """Add a file or folder. Relative paths are relative to `base`; for None to the folder or that of the file."""
        self._entries += 1
        if entry.is_dir():
            self._inputs.add(os.fspath(entry))
            self._add_folder(entry, base or entry)
            return
        folder, name = os.path.split(os.fspath(entry))
        if _sort_out(name, self._also) is not None:
            self._inputs.add(os.fspath(entry))
        relative = "" if base is None else Path(folder).as_posix()
        self._images.add(Place(folder, "" if relative == "." else relative), [name], is_named=True)

    def _add_folder(self, folder: Path, base: Path) -> None:
        is_empty = True
        for parent, names, left_out in _walk(folder, self._also, recursive=self._recursive):
            if names:
                is_empty = False
                relative = Path(os.path.relpath(parent or ".", base)).as_posix()
                self._images.add(Place(parent, "" if relative == "." else relative), names)
            for name, reason in left_out:
                self._left_out.append(LeftOut(Path(parent, name), reason))
        if is_empty:
            self._empty_folders.append(folder)

    def result(self) -> ImageListing:
        left_out = self._left_out if self._entries == 1 else self._left_out_once()
        left_out.sort()
        return ImageListing(self._images.each_once().in_order(), left_out, self._empty_folders, self._missing)

    def _left_out_once(self) -> LeftOutList:
        """Return what is left out, once where folders overlap, and without what is an input itself."""
        text = self._left_out.text
        later = {position for _, *group in equal_texts(text, len(self._left_out)) for position in group}
        return LeftOutList(
            item
            for position, item in enumerate(self._left_out)
            if position not in later and text(position) not in self._inputs
        )


def _why_missing(entry: Path) -> str:
    """Return why a path cannot be an input; empty if it can."""
    try:
        return "" if entry.exists() else "no such file or folder"
    except (OSError, ValueError) as error:  # inside a folder without permission, the name is too long, or has a NUL
        return getattr(error, "strerror", None) or str(error)


def _walk(
    folder: Path, also: frozenset[str], *, recursive: bool
) -> Iterator[tuple[str, list[str], list[tuple[str, LeftOutReason]]]]:
    """Yield each folder as text, with the names of its pictures, and the names of what else is in it, with reasons."""
    closed: list[str] = []

    def note(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise DataError(f"{folder}: cannot be opened: {error.strerror or error}") from error
        closed.append(os.fspath(Path(error.filename)))

    for parent, folders, files in os.walk(folder, onerror=note):
        left_out: list[tuple[str, LeftOutReason]] = []
        for name in folders:
            if name.startswith("."):
                left_out.append((name, "hidden folder"))
            elif os.path.islink(os.path.join(parent, name)):  # noqa: PTH114, PTH118
                left_out.append((name, "linked folder"))
            elif not recursive:
                left_out.append((name, "subfolder"))
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        reasons = [(name, _sort_out(name, also)) for name in files]
        left_out += [(name, reason) for name, reason in reasons if reason is not None]
        text = os.fspath(Path(parent))
        yield "" if text == "." else text, [name for name, reason in reasons if reason is None], left_out
    for path in closed:
        yield os.path.dirname(path), [os.path.basename(path)], []  # noqa: PTH119, PTH120


def _sort_out(name: str, also: frozenset[str]) -> LeftOutReason | None:
    """Return why a file is left out; None if it is not."""
    if name.startswith("."):
        return "hidden file"
    if is_picture_name(name) or suffix_of(name) in also:
        return None
    return "video" if suffix_of(name) in VIDEO_SUFFIXES else "other file"
