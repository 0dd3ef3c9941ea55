"""A folder of this machine's file system, which all machines of a cluster have under the same path."""

from __future__ import annotations

import os
from pathlib import Path

from pix2style.cluster.place import Entry, EntryKind, Place, TargetKind
from pix2style.files import write_bytes
from pix2style.images import read_file


class LocalPlace(Place):
    """A folder.

    Args:
        root: Path of the folder, which need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.address = str(root)
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 - workers have another working folder

    def entries(self, folder: str) -> list[Entry]:
        """See `Place.entries`."""
        with os.scandir(self._root / folder) as found:
            return sorted((Entry(item.name, _kind(item)) for item in found), key=lambda entry: entry.name)

    def read(self, name: str) -> bytes:
        """See `Place.read`. A pipe or device raises an error instead of blocking."""
        return read_file(self._root / name)

    def kind(self, name: str) -> TargetKind:
        """See `Place.kind`."""
        path = self._root / name
        if os.path.isdir(path):  # noqa: PTH112 - unlike `Path.is_dir`, it raises nothing for names that are too long
            return "folder"
        if not os.path.isfile(path):  # noqa: PTH113
            return "absent"
        return "file" if path.stat().st_size else "empty"

    def write(self, name: str, data: bytes) -> None:
        """See `Place.write`."""
        write_bytes(self._root / name, data)

    def path_within(self, outer: Place) -> str | None:
        """See `Place.path_within`. Symbolic links are followed."""
        if not isinstance(outer, LocalPlace):
            return None
        inner_path, outer_path = Path(os.path.realpath(self._root)), Path(os.path.realpath(outer._root))
        if not inner_path.is_relative_to(outer_path):
            return None
        relative = inner_path.relative_to(outer_path).as_posix()
        return "" if relative == "." else relative

    def local_path(self, name: str) -> Path:
        """See `Place.local_path`."""
        return self._root / name


def _kind(item: os.DirEntry[str]) -> EntryKind:
    if not item.is_dir():
        return "file"
    return "linked folder" if item.is_symlink() else "folder"
