"""The image files that a search has found, in little memory however many they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from pix2style.light_dataclass import dataclass
from pix2style.path_list import NameColumn


@dataclass(frozen=True, slots=True, order=True)
class FoundImage:
    """An image file, and its path relative to the input folder (with forward slashes, for keys and output names)."""

    relative: str
    path: Path


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with image files.

    Attributes:
        folder: Its path; empty for the working folder.
        relative: Its path relative to the input folder, with forward slashes; empty for the input folder itself.
    """

    folder: str
    relative: str


class FoundImages(Sequence[FoundImage]):
    """A list of image files that takes about thirty bytes for each. A `FoundImage` is made when it is accessed.

    Attributes:
        places: The folders that they lie in.
    """

    __slots__ = ("_column", "_named", "_numbers", "places")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._numbers: dict[Place, int] = {}
        self._column, self._named = NameColumn(), bytearray()

    def add(self, place: Place, names: Iterable[str], *, is_named: bool = False) -> None:
        """Add files of a folder.

        Args:
            place: The folder.
            names: Names of the files.
            is_named: Whether the files are inputs themselves, instead of being found in input folders.
        """
        number = self._numbers.setdefault(place, len(self.places))
        if number == len(self.places):
            self.places.append(place)
        for name in names:
            self._column.append(number, name)
            self._named.append(is_named)

    def place_number(self, position: int) -> int:
        """Return the position in `places` of the folder of a file."""
        return self._column.numbers[position]

    def place(self, position: int) -> Place:
        """Return the folder of a file."""
        return self.places[self._column.numbers[position]]

    def name(self, position: int) -> str:
        """Return the name of a file in its folder."""
        return self._column.name(position)

    def is_named(self, position: int) -> bool:
        """Return whether a file is an input itself."""
        return bool(self._named[position])

    def relative(self, position: int) -> str:
        """Return the path of a file relative to the input folder."""
        folder, name = self.place(position).relative, self.name(position)
        return f"{folder}/{name}" if folder else name

    def text(self, position: int) -> str:
        """Return the path of a file as text."""
        folder = self.place(position).folder
        return os.path.join(folder, self.name(position))  # noqa: PTH118 - a Path costs ten times as much

    def selected(self, positions: Iterable[int]) -> FoundImages:
        """Return some of the files, in the order of their positions."""
        chosen, positions = FoundImages(), list(positions)
        chosen.places, chosen._numbers = self.places, self._numbers
        chosen._column = self._column.selected(positions)
        chosen._named = bytearray(self._named[position] for position in positions)
        return chosen

    def each_once(self) -> FoundImages:
        """Return each file once, at its first position. It counts as an input itself if it is one at any position."""
        repeated = equal_texts(self.text, len(self))
        later = {position for group in repeated for position in group[1:]}
        for first, *others in repeated:
            self._named[first] |= any(self._named[position] for position in others)
        return self.selected(position for position in range(len(self)) if position not in later) if later else self

    def in_order(self) -> FoundImages:
        """Return the files sorted by relative path and, where these are equal, by path."""
        keys = [self.relative(position) for position in range(len(self))]
        order = sorted(range(len(self)), key=keys.__getitem__)
        start = 0
        for end in range(1, len(order) + 1):
            if end == len(order) or keys[order[end]] != keys[order[start]]:
                if end - start > 1:
                    order[start:end] = sorted(order[start:end], key=lambda position: Path(self.text(position)))
                start = end
        return self.selected(order)

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, position: int) -> FoundImage: ...
    @overload
    def __getitem__(self, position: slice) -> list[FoundImage]: ...

    def __getitem__(self, position: int | slice) -> FoundImage | list[FoundImage]:
        places = range(len(self))[position]
        return self._made(places) if isinstance(places, int) else [self._made(place) for place in places]

    def __iter__(self) -> Iterator[FoundImage]:
        return map(self._made, range(len(self)))

    def _made(self, position: int) -> FoundImage:
        return FoundImage(self.relative(position), Path(self.text(position)))


def equal_texts(text: Callable[[int], str], count: int) -> list[list[int]]:
    """Return the groups of positions at which texts are equal, in ascending order.

    Most texts are met once, so only their hashes are kept, in eight bytes each, until some turn out to be equal.

    Args:
        text: Returns the text at a position.
        count: Number of texts.
    """
    hashes = np.fromiter((hash(text(position)) for position in range(count)), np.int64, count)
    groups: dict[str, list[int]] = {}
    for position in repeated_positions(hashes):
        groups.setdefault(text(position), []).append(position)
    return [group for group in groups.values() if len(group) > 1]


def repeated_positions(values: NDArray[np.int64]) -> list[int]:
    """Return the positions of all values that an array holds more than once, in ascending order."""
    order = np.argsort(values, kind="stable")
    is_same = values[order][1:] == values[order][:-1]
    repeated = np.zeros(len(values), np.bool_)
    repeated[order[1:][is_same]] = True
    repeated[order[:-1][is_same]] = True
    return [int(position) for position in np.flatnonzero(repeated)]
