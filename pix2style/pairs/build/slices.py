"""Divide the shards of a pair set among the processes of a batch system."""

from __future__ import annotations

from dataclasses import dataclass

from pix2style.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Slice:
    """One of several equal parts of the shards.

    Attributes:
        number: Number of this slice, from 1.
        count: Number of all slices.

    Raises:
        ConfigError: There is no slice with this number.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"--shard {self.number}/{self.count}: slices are numbered from 1/{self.count} to"
                f" {self.count}/{self.count}"
            )

    @classmethod
    def parse(cls, text: str) -> Slice:
        """Parse a slice from its text, for example `2/8` for the second of eight slices.

        Raises:
            ConfigError: The text is malformed, or there is no such slice.
        """
        number, slash, count = text.partition("/")
        if not (slash and number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
            raise ConfigError(f"--shard {text}: expected i/n, for example 2/8: the second of eight slices")
        return cls(int(number), int(count))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def contains(self, shard: int) -> bool:
        """Return whether a shard belongs to this slice."""
        return shard % self.count == self.number - 1


ALL_SHARDS = Slice(1, 1)
