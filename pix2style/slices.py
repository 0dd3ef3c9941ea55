"""Divide work among the processes of a batch system (`--shard`)."""

from __future__ import annotations

import re

from pix2style.errors import ConfigError
from pix2style.light_dataclass import dataclass

_FORM = re.compile(r"[0-9]{1,9}/[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Slice:
    """One of N equal parts of work: every Nth of its items, which are shards of a pair set, or photos.

    Attributes:
        number: Number of this slice, from 1.
        count: Number of all slices.

    Raises:
        ConfigError: There is no slice with this number.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"--shard {self.number}/{self.count}: there is at least one part, which is 1/1")
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"--shard {self.number}/{self.count}: parts are numbered from 1/{self.count} to"
                f" {self.count}/{self.count}"
            )

    @classmethod
    def parse(cls, text: str) -> Slice:
        """Parse a slice from its text, for example `2/8` for the second of eight slices.

        Raises:
            ConfigError: The text is malformed, or there is no such slice.
        """
        if not _FORM.fullmatch(text):
            raise ConfigError(f"--shard {text}: expected i/n, for example 2/8 for the second of eight parts")
        number, _, count = text.partition("/")
        return cls(int(number), int(count))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def contains(self, position: int) -> bool:
        """Return whether the item at a position, counted from 0, belongs to this slice."""
        return position % self.count == self.number - 1


ALL_SHARDS = Slice(1, 1)
