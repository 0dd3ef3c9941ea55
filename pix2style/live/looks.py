"""The looks that keys choose from: filters, and the styles of filters that hold several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pix2style.stylizer import Stylizer


@dataclass(frozen=True, slots=True)
class Look:
    """A filter, or one of its styles.

    Attributes:
        name: Name for people.
        load: Function that returns its stylizer, and loads it if it is not loaded yet.
    """

    name: str
    load: Callable[[], Stylizer]


class Looks:
    """Load looks, each once.

    Args:
        looks: The looks, at least one.
    """

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = tuple(looks)
        self._loaded: dict[int, Stylizer] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the looks."""
        return tuple(look.name for look in self._looks)

    def stylizer(self, number: int) -> Stylizer:
        """Return the stylizer of a look, which is loaded at the first call."""
        if number not in self._loaded:
            self._loaded[number] = self._looks[number].load()
        return self._loaded[number]
