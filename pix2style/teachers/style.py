"""Styles that teachers take from paintings: a single painting, or a blend of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.errors import ConfigError, ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture
from pix2style.plural import counted
from pix2style.printable import text_of_file_name

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig


@dataclass(frozen=True, slots=True)
class StyleBlend:
    """One style, made from one or more paintings.

    Attributes:
        name: Name for people, unique in a pair set.
        paintings: Image files of the paintings.
        weights: Weight of each painting, positive; only their ratios matter.
        strength: Mixture of the paintings' style and the photo's own, from 0 (only the photo's) to 1 (only the
            paintings').

    Raises:
        ConfigError: If there is no painting, the number of weights differs from the number of paintings, or a number
            is out of its range.
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
                f"style {self.name}: {counted(len(self.weights), 'weight')} for"
                f" {counted(len(self.paintings), 'painting')}: give one weight"
                " for each painting"
            )
        if not all(weight > 0 and math.isfinite(weight) for weight in self.weights):
            raise ConfigError(f"style {self.name}: weights must be positive numbers, not {list(self.weights)}")
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"style {self.name}: strength must be between 0 and 1, not {self.strength}")

    @classmethod
    def from_paintings(cls, *paintings: Path, strength: float = 1.0) -> StyleBlend:
        """Blend paintings with equal weights, and name the style after their files."""
        return cls(joined_names(paintings), paintings, (1.0,) * len(paintings), strength)

    @property
    def normalized_weights(self) -> tuple[float, ...]:
        """The weights, scaled to sum to 1."""
        total = math.fsum(self.weights)
        return tuple(weight / total for weight in self.weights)


def joined_names(paintings: Sequence[Path]) -> str:
    """Return the name of a style that has none of its own: those of the files of its paintings."""
    return "+".join(text_of_file_name(painting.name) for painting in paintings)


def style_blends(pairs: PairsConfig) -> list[StyleBlend]:
    """Return the styles of a configuration's section `pairs`, in the order of their ids."""
    if pairs.style is not None:
        return [StyleBlend.from_paintings(pairs.style)]
    return [
        StyleBlend(
            style.name or joined_names(style.paintings),
            style.paintings,
            style.weights or (1.0,) * len(style.paintings),
            style.strength,
        )
        for style in pairs.styles
    ]


def read_painting(path: Path) -> tuple[Image8, str]:
    """Read a painting, on white where it is transparent, and compute the SHA-256 of its file.

    Raises:
        ImageError: If the file is missing or cannot be read.
    """
    try:
        data = path.read_bytes()  # once, so that the digest belongs to the bytes that are decoded
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from error
    return decode_picture(data, name=str(path), to_srgb=True).on_white(), sha256_bytes(data)
