"""What a teacher is asked to paint like: one painting, or several as one style."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import ConfigError


@dataclass(frozen=True, slots=True)
class StyleBlend:
    """One style, from one or more paintings.

    Attributes:
        name: for people, unique in a pair set.
        paintings: their files.
        weights: how much each painting counts, positive; only their ratios matter.
        strength: from 0 (the photo's own style) to 1 (the paintings').

    Raises:
        ConfigError: weights do not fit the paintings, or a number is out of its range.
    """

    name: str
    paintings: tuple[Path, ...]
    weights: tuple[float, ...]
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not self.paintings:
            raise ConfigError(f"style {self.name}: has no painting: name at least one")
        if len(self.weights) != len(self.paintings):
            raise ConfigError(
                f"style {self.name}: {len(self.weights)} weights for {len(self.paintings)} paintings: give each one"
            )
        if not all(weight > 0 and math.isfinite(weight) for weight in self.weights):
            raise ConfigError(f"style {self.name}: weights must be positive numbers, not {list(self.weights)}")
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"style {self.name}: strength must be between 0 and 1, not {self.strength}")

    @classmethod
    def of(cls, *paintings: Path, strength: float = 1.0) -> StyleBlend:
        """The paintings in equal shares, named after their files."""
        name = "+".join(painting.name for painting in paintings)
        return cls(name, paintings, (1.0,) * len(paintings), strength)

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights, scaled to sum to 1."""
        total = math.fsum(self.weights)
        return tuple(weight / total for weight in self.weights)
