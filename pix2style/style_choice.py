"""Which of several styles is meant: `runs/x@1` or `filter.onnx@1` is one, `@0.5,0.5` a mixture of two."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pix2style.errors import ConfigError

StyleChoice = int | tuple[float, ...]
"""A style's id, from 0 on, or a weight for each style with the sum 1."""
_SUM_TOLERANCE = 0.02  # weights such as 0.33,0.33,0.33 are meant to be a whole


def parse_style(text: str) -> StyleChoice:
    """Read what stands after the @, or what `--style` takes.

    Raises:
        ConfigError: neither an id nor weights.
    """
    try:
        return int(text) if "," not in text else tuple(float(weight) for weight in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"{text!r} names no style: give its id, for example 1, or a weight for each style, for example 0.5,0.5"
        ) from error


def style_choice(given: StyleChoice | Sequence[float] | str) -> StyleChoice:
    """A style as a caller names it: an id, weights, or either as text.

    Raises:
        ConfigError: a text that is neither.
    """
    if isinstance(given, str):
        return parse_style(given)
    return given if isinstance(given, int) else tuple(map(float, given))


def style_text(choice: StyleChoice) -> str:
    """What `parse_style` reads."""
    return str(choice) if isinstance(choice, int) else ",".join(f"{weight:g}" for weight in choice)


def style_weights(choice: StyleChoice, styles: int) -> tuple[float, ...]:
    """A weight for each style, with the sum 1.

    Args:
        choice: an id from 0 on, or weights, not negative, with the sum 1 (or within 0.02 of it, and then scaled to it).
        styles: how many there are.

    Raises:
        ValueError: no such style, or no such mixture.
    """
    if isinstance(choice, int):
        if not 0 <= choice < styles:
            raise ValueError(f"there is no style {choice}: there are {styles}, from 0 to {styles - 1}")
        return tuple(float(number == choice) for number in range(styles))
    if len(choice) != styles:
        raise ValueError(f"got {len(choice)} weights for {styles} styles: give one for each")
    total = math.fsum(choice)
    if not math.isfinite(total) or min(choice) < 0 or abs(total - 1) > _SUM_TOLERANCE:
        raise ValueError(f"weights of styles must not be negative, and their sum must be 1, got {style_text(choice)}")
    return tuple(weight / total for weight in choice)
