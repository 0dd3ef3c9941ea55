"""Lists of very many paths in little memory: each folder is stored once, and names as bytes.

A `pathlib.Path` takes several hundred bytes. In these lists a path takes about thirty; the `Path` is made on access.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, overload

_ItemT_co = TypeVar("_ItemT_co", covariant=True)
# What absolute paths begin with when paths are compared: until Python 3.11 their root, and later an empty text.
_FIRST_PART = "" if Path(os.sep) < Path("-") else os.sep


class NameColumn:
    """Names of files, each with the number of the folder that it lies in."""

    __slots__ = ("_data", "_ends", "numbers")

    def __init__(self) -> None:
        self.numbers, self._ends, self._data = array("I"), array("Q"), bytearray()

    def __len__(self) -> int:
        return len(self.numbers)

    def append(self, number: int, name: str) -> None:
        """Add a name in the folder of this number."""
        # Names that are no text hold lone surrogates, which this error handler lets pass.
        self._data += name.encode("utf-8", "surrogatepass")
        self.numbers.append(number)
        self._ends.append(len(self._data))

    def name(self, position: int) -> str:
        """Return the name at a position."""
        start = self._ends[position - 1] if position else 0
        return self._data[start : self._ends[position]].decode("utf-8", "surrogatepass")

    def selected(self, positions: Iterable[int]) -> Self:
        """Return the names at some positions, in their order."""
        column = type(self)()
        for position in positions:
            column.append(self.numbers[position], self.name(position))
        return column


class _ListLike(Sequence[_ItemT_co]):
    """A sequence that equals a list of the same items."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | _ListLike) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class PathList(_ListLike[Path]):
    """A list of paths that takes about thirty bytes for each. It equals a list of the same paths.

    Args:
        paths: The paths to begin with.
    """

    __slots__ = ("_column", "_folders", "_numbers")

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._folders: list[str] = []
        self._numbers: dict[str, int] = {}
        self._column = NameColumn()
        self.extend(paths)

    def append(self, path: Path) -> None:
        """Add a path at the end."""
        self.append_text(os.fspath(path))

    def append_text(self, path: str) -> None:
        """Add a path, as `str(Path(...))` writes it."""
        folder, name = os.path.split(path)
        self.append_name(self.number_of(folder), name)

    def append_name(self, number: int, name: str) -> None:
        """Add the path of a name in a folder, which `number_of` returned."""
        self._column.append(number, name)

    def number_of(self, folder: str) -> int:
        """Return the number that stands for a folder in this list."""
        number = self._numbers.setdefault(folder, len(self._folders))
        if number == len(self._folders):
            self._folders.append(folder)
        return number

    def extend(self, paths: Iterable[Path]) -> None:
        """Add paths at the end."""
        for path in paths:
            self.append(path)

    def __iadd__(self, paths: Iterable[Path]) -> Self:
        self.extend(paths)
        return self

    def text(self, position: int) -> str:
        """Return the path at a position as text."""
        return os.path.join(self.folder(position), self.name(position))  # noqa: PTH118 - a Path costs ten times as much

    def folder(self, position: int) -> str:
        """Return the folder of the path at a position, as text; empty for the working folder."""
        return self._folders[self._column.numbers[position]]

    def name(self, position: int) -> str:
        """Return the last part of the path at a position."""
        return self._column.name(position)

    def number(self, position: int) -> int:
        """Return the number of the folder of the path at a position; see `number_of`."""
        return self._column.numbers[position]

    @property
    def folders(self) -> Sequence[str]:
        """All folders, by their numbers."""
        return self._folders

    def sort(self) -> None:
        """Sort the paths as `sorted` would sort a list of them."""
        self.select(self.sorted_positions())

    def select(self, positions: Iterable[int]) -> None:
        """Keep the paths at some positions, in their order."""
        self._column = self._column.selected(positions)

    def sorted_positions(self) -> list[int]:
        """Return the positions in the order in which `sorted` would put the paths."""
        # Paths are compared part by part, on Windows whatever their case; no part holds a NUL.
        texts = (self.text(position) for position in range(len(self)))
        keys = [(_FIRST_PART if text.startswith(os.sep) else "") + text.replace(os.sep, "\0") for text in texts]
        if sys.platform == "win32":
            keys = [key.lower() for key in keys]
        return sorted(range(len(self)), key=keys.__getitem__)

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, position: int) -> Path: ...
    @overload
    def __getitem__(self, position: slice) -> list[Path]: ...

    def __getitem__(self, position: int | slice) -> Path | list[Path]:
        places = range(len(self))[position]
        return Path(self.text(places)) if isinstance(places, int) else [Path(self.text(place)) for place in places]

    def __iter__(self) -> Iterator[Path]:
        return (Path(self.text(position)) for position in range(len(self)))


class _Remark(Protocol):
    @property
    def path(self) -> Path: ...


_RemarkT = TypeVar("_RemarkT", bound=_Remark)


class RemarkList(_ListLike[_RemarkT]):
    """A list of remarks about paths in little memory: of objects that hold a `path` and one text, which often repeats.

    Args:
        make: Makes a remark of its path and its text.
        text_of: Returns the text of a remark.
        remarks: The remarks to begin with.
    """

    __slots__ = ("_kinds", "_make", "_paths", "_text_of", "_texts")

    def __init__(
        self,
        make: Callable[[Path, Any], _RemarkT],
        text_of: Callable[[_RemarkT], str],
        remarks: Iterable[_RemarkT] = (),
    ) -> None:
        self._make, self._text_of = make, text_of
        self._paths, self._kinds, self._texts = PathList(), array("I"), dict[str, int]()
        self.extend(remarks)

    def append(self, remark: _RemarkT) -> None:
        """Add a remark at the end."""
        self._paths.append(remark.path)
        text = self._text_of(remark)
        self._kinds.append(self._texts.setdefault(text, len(self._texts)))

    def extend(self, remarks: Iterable[_RemarkT]) -> None:
        """Add remarks at the end."""
        for remark in remarks:
            self.append(remark)

    def sort(self) -> None:
        """Sort the remarks by their paths."""
        order = self._paths.sorted_positions()
        self._paths.select(order)
        self._kinds = array("I", (self._kinds[position] for position in order))

    def text(self, position: int) -> str:
        """Return the path at a position as text."""
        return self._paths.text(position)

    def __iadd__(self, remarks: Iterable[_RemarkT]) -> Self:
        self.extend(remarks)
        return self

    def __len__(self) -> int:
        return len(self._kinds)

    @overload
    def __getitem__(self, position: int) -> _RemarkT: ...
    @overload
    def __getitem__(self, position: slice) -> list[_RemarkT]: ...

    def __getitem__(self, position: int | slice) -> _RemarkT | list[_RemarkT]:
        places, texts = range(len(self))[position], list(self._texts)
        if isinstance(places, int):
            return self._make(self._paths[places], texts[self._kinds[places]])
        return [self._make(self._paths[place], texts[self._kinds[place]]) for place in places]

    def __iter__(self) -> Iterator[_RemarkT]:
        texts = list(self._texts)
        return (self._make(path, texts[kind]) for path, kind in zip(self._paths, self._kinds, strict=True))
