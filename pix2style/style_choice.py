"""Choose a style of a network that holds several: one style by its id, or a mixture by weights.

On the command line the choice stands after an @: `runs/x@1` or `filter.onnx@1` is the style with the id 1, and
`filter.onnx@0.5,0.5` is an equal mixture of two styles.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import SupportsIndex

from pix2style.errors import ConfigError
from pix2style.plural import counted

StyleChoice = int | tuple[float, ...]
"""The id of a style, counted from 0, or a weight for each style; the weights sum to 1."""
_SUM_TOLERANCE = 0.02  # people write rounded weights such as 0.33,0.33,0.33


def parse_style(text: str) -> StyleChoice:
    """Read a style choice from the command line: the text after the @, or the value of `--style`.

    Raises:
        ConfigError: The text is neither an id nor a list of weights.
    """
    try:
        return int(text) if "," not in text else tuple(float(weight) for weight in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"{text!r} names no style: give its id, for example 1, or a weight for each style, for example 0.5,0.5"
        ) from error


def as_style_choice(style: StyleChoice | Sequence[float] | str) -> StyleChoice:
    """Convert what a caller of the Python interface passed: an id, weights, or either of them as text.

    Raises:
        ConfigError: It is neither an id nor a list of weights.
    """
    if isinstance(style, str):
        return parse_style(style)
    try:
        return operator.index(style) if isinstance(style, SupportsIndex) else tuple(map(float, style))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"style is {style!r}: give the id of a style, for example 1, or a weight for each style, for example"
            " (0.5, 0.5)"
        ) from error


def format_style(choice: StyleChoice) -> str:
    """Return the text that `parse_style` reads back."""
    return str(choice) if isinstance(choice, int) else ",".join(f"{weight:g}" for weight in choice)


def check_style_choice(choice: int | Sequence[float], styles: int) -> None:
    """Check that a choice is possible with a given number of styles.

    Args:
        choice: The id of a style, or a weight for each style. Weights must not be negative and their sum must be 1;
            a deviation of up to 0.02 is accepted as rounding.
        styles: Number of styles to choose from.

    Raises:
        ValueError: There is no such style, or the weights break a rule above.
    """
    if isinstance(choice, int):
        if not 0 <= choice < styles:
            raise ValueError(f"there is no style {choice}: choose one from 0 to {styles - 1}")
        return
    if len(choice) != styles:
        raise ValueError(f"got {counted(len(choice), 'weight')} for {counted(styles, 'style')}: give one for each")
    total = math.fsum(choice)
    if not math.isfinite(total) or min(choice) < 0 or abs(total - 1) > _SUM_TOLERANCE:
        raise ValueError(
            "weights of styles must not be negative, and their sum must be 1, got"
            f" {','.join(f'{weight:g}' for weight in choice)}"
        )


def style_weights(choice: StyleChoice, styles: int) -> tuple[float, ...]:
    """Return a weight for each style; the weights sum to 1.

    Args:
        choice: The id of a style (one-hot weights), or weights, which are scaled to the sum 1.
        styles: Number of styles to choose from.

    Raises:
        ValueError: The choice is not possible; see `check_style_choice`.
    """
    check_style_choice(choice, styles)
    if isinstance(choice, int):
        return tuple(float(number == choice) for number in range(styles))
    total = math.fsum(choice)
    return tuple(weight / total for weight in choice)
