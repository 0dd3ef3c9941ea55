"""What a person has chosen in the page: filters, strength, strokes and the rest, as checked values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pix2style.errors import ConfigError
from pix2style.images.metadata_choice import KeepMetadata

MOST_FILTERS = 4
LEAST_STROKE, LARGEST_STROKE = 0.5, 4.0
LOOK_PX = 1024
"""Longer side of the version of a photo whose strokes a larger photo gets, where its size is not to matter."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a photo, clip or frame is stylized.

    Attributes:
        filters: Ids of filters with their weights, whose sum is 1.
        strength: Strength of the style, from 0 to 1.
        stroke: Size of the strokes, as a multiple of the filter's own.
        same_look: Whether strokes are as large, in relation to the photo, as in a version of 1024 pixels.
        preserve_color: Whether the photo's colours stay.
        use_mask: Whether only the painted mask is stylized.
    """

    filters: tuple[tuple[str, float], ...]
    strength: float = 1.0
    stroke: float = 1.0
    same_look: bool = True
    preserve_color: bool = False
    use_mask: bool = False

    @classmethod
    def parse(cls, value: Any) -> Choice:
        """Check values that came as JSON.

        Raises:
            ConfigError: A value is missing, of a wrong type or out of its range; the message names it.
        """
        if not isinstance(value, Mapping):
            raise ConfigError("the choice is not an object: send filters, strength and the others by their names")
        unknown = sorted(set(value) - {"filters", "strength", "stroke", "same_look", "preserve_color", "use_mask"})
        if unknown:
            raise ConfigError(f"{', '.join(map(repr, unknown))}: not known: leave it out")
        return cls(
            _filters(value.get("filters")),
            _number(value, "strength", 1.0, 0.0, 1.0),
            _number(value, "stroke", 1.0, LEAST_STROKE, LARGEST_STROKE),
            _flag(value, "same_look", default=True),
            _flag(value, "preserve_color"),
            _flag(value, "use_mask"),
        )


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """How a result is written.

    Attributes:
        metadata: What is kept of the photo's metadata.
        lossless: Whether it is written without loss: JPEG becomes PNG.
    """

    metadata: KeepMetadata = KeepMetadata.NONE
    lossless: bool = False

    @classmethod
    def parse(cls, value: Any) -> OutputChoice:
        """Check values that came as JSON.

        Raises:
            ConfigError: A value is of a wrong type, or not known; the message names it.
        """
        if not isinstance(value, Mapping) or set(value) - {"metadata", "lossless"}:
            raise ConfigError("output: give an object with metadata and lossless, or leave it out")
        metadata = value.get("metadata", KeepMetadata.NONE.value)
        if metadata not in [choice.value for choice in KeepMetadata]:
            raise ConfigError(f"metadata: {metadata!r} is none of {', '.join(choice.value for choice in KeepMetadata)}")
        return cls(KeepMetadata(metadata), _flag(value, "lossless"))


def _filters(value: Any) -> tuple[tuple[str, float], ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_FILTERS:
        raise ConfigError(f"filters: give a list of 1 to {MOST_FILTERS} filters, each with its id and weight")
    rows = [(row["id"], _number(row, "weight", 1.0, 0.0, 1.0)) for row in value if _is_row(row)]
    total = math.fsum(weight for _, weight in rows)
    if len(rows) < len(value) or total <= 0:
        raise ConfigError("filters: each needs an id, and weights from 0 to 1 of which one is above 0")
    return tuple((name, weight / total) for name, weight in rows if weight > 0)


def _is_row(row: Any) -> bool:
    return isinstance(row, Mapping) and isinstance(row.get("id"), str)


def _number(value: Mapping[str, Any], name: str, default: float, least: float, most: float) -> float:
    number = value.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
        raise ConfigError(f"{name}: {number!r} is no number from {least:g} to {most:g}")
    return float(number)


def _flag(value: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    flag = value.get(name, default)
    if not isinstance(flag, bool):
        raise ConfigError(f"{name}: {flag!r} is neither true nor false")
    return flag
