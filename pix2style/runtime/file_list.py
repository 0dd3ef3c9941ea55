"""Read lists of files, one on each line, as `find` and `ls` print them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pix2style.errors import DataError
from pix2style.home_paths import expand_home
from pix2style.path_list import PathList

_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_CHUNK_BYTES = 1 << 16
# Longer than any path that a system takes.
_LONGEST_ENTRY_BYTES = 1 << 16


def read_file_list(stream: BinaryIO, source: str, *, null: bool = False) -> PathList:
    """Return the paths in a list; empty lines are left out.

    Args:
        stream: The list, in UTF-8. Names of files that are no text are taken as they are.
        source: Name of the list, for messages.
        null: Whether the entries end in a NUL, as those of `find -print0`, instead of a line break.

    Raises:
        DataError: It is no list of files: it holds an entry that is too long or that no file can have as its name.
        OSError: It cannot be read.
    """
    paths = PathList()
    for number, entry in enumerate(_entries(stream, b"\0" if null else b"\n", source), start=1):
        if number == 1 and entry.startswith(_UTF16_MARKS):
            raise DataError(f"{source}: is in UTF-16: save the list as UTF-8")
        line = entry.removeprefix(_UTF8_MARK) if number == 1 else entry
        name = line if null else line.removesuffix(b"\r")
        if b"\0" in name:
            raise DataError(f"{source}: entry {number} has a NUL in it: add --null for a list that find -print0 wrote")
        if name:
            paths.append(Path(expand_home(name.decode("utf-8", "surrogateescape"))))
    return paths


def _entries(stream: BinaryIO, end: bytes, source: str) -> Iterator[bytes]:
    """Yield what lies between the ends, with little memory however long the list is."""
    rest = b""
    while chunk := stream.read(_CHUNK_BYTES):
        *entries, rest = (rest + chunk).split(end)
        yield from entries
        if len(rest) > _LONGEST_ENTRY_BYTES:
            raise DataError(
                f"{source}: holds an entry of more than {_LONGEST_ENTRY_BYTES} bytes: it is no list of files"
            )
    yield rest
