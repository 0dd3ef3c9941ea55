"""Strength and style that change over the time of a clip, read from a small text file.

# time  what holds from then on; between two lines the values change evenly
0:00    strength=0
0:04    strength=1 style=1,0
0:10    style=0.5,0.5
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2style.effects.effect import innermost
from pix2style.errors import ConfigError
from pix2style.files import sha256_json
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.style_choice import parse_style, style_weights
from pix2style.stylizer import Stylizer
from pix2style.video.clip_times import parse_time, time_text

_KEYS = ("strength", "style")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Timeline:
    """Strength and mixture of styles as functions of the time: linear between given points, constant outside of them.

    Attributes:
        strengths: Points (seconds, strength from 0 to 1), ascending; empty to leave the strength as it is.
        styles: Points (seconds, weight for each style), ascending; empty to leave the style as it is.
    """

    strengths: tuple[tuple[float, float], ...] = ()
    styles: tuple[tuple[float, tuple[float, ...]], ...] = ()

    @property
    def sha256(self) -> str:
        """Digest of all points."""
        return sha256_json([self.strengths, self.styles])

    def strength_at(self, seconds: float) -> float | None:
        """Return the strength at a moment; None if the timeline sets none."""
        return self._value(self.strengths, seconds) if self.strengths else None

    def style_at(self, seconds: float) -> tuple[float, ...] | None:
        """Return a weight for each style at a moment; None if the timeline sets none."""
        if not self.styles:
            return None
        columns = zip(*(weights for _, weights in self.styles), strict=True)
        times = [at for at, _ in self.styles]
        return tuple(self._value(list(zip(times, column, strict=True)), seconds) for column in columns)

    @staticmethod
    def _value(points: Sequence[tuple[float, float]], seconds: float) -> float:
        times, values = zip(*points, strict=True)
        return float(np.interp(seconds, times, values))

    def apply(self, stylizer: Stylizer, seconds: float) -> None:
        """Set the strength and the style that the stylizer has at a moment.

        Args:
            stylizer: The filter file that the timeline was read for, also inside of effects.
            seconds: The moment, from the beginning of the clip.
        """
        if isinstance(filter_ := innermost(stylizer), OnnxStylizer):
            filter_.adjust(strength=self.strength_at(seconds), style=self.style_at(seconds))


def read_timeline(path: Path, stylizer: Stylizer) -> Timeline:
    """Read a timeline, and check that a stylizer can follow it.

    Args:
        path: Path of the text file. Each line is a time (seconds or `[HH:]MM:SS.sss` from the beginning of the clip),
            and `strength=`, `style=` or both; empty lines and what follows a # are ignored.
        stylizer: The stylizer.

    Raises:
        ConfigError: The file cannot be read, a line is wrong, or the stylizer has no strength or styles to choose. The
            message names the file and the line.
    """
    if not isinstance(filter_ := innermost(stylizer), OnnxStylizer):
        raise ConfigError(
            f"{path}: strength and style change over time with filter files (.onnx) only, not with"
            f" {stylizer.identity.name}: export a filter, or leave out --timeline"
        )
    return parse_timeline(_read_text(path), str(path), filter_.styles)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{path}: is too large for a timeline, which is a small text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no text in UTF-8: a timeline has lines such as 0:04 strength=1") from error


def parse_timeline(text: str, name: str, styles: int) -> Timeline:
    """Return the timeline that a text describes; see `read_timeline`.

    Args:
        text: The text.
        name: Name of the file, for messages.
        styles: Number of styles of the filter.

    Raises:
        ConfigError: A line is wrong, or there is none.
    """
    points: dict[str, list[tuple[float, object]]] = {key: [] for key in _KEYS}
    last_s = -1.0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            at_s = parse_time(words[0])
            if at_s <= last_s:
                raise ValueError(f"{words[0]} is not later than the line before ({time_text(last_s)}): sort the lines")
            last_s = at_s
            for key, value in _settings(words[1:], styles).items():
                points[key].append((at_s, value))
        except (ValueError, ConfigError) as error:
            raise ConfigError(f"{name}:{number}: {error}") from error
    if not any(points.values()):
        raise ConfigError(f"{name}: has no lines: a timeline has lines such as 0:04 strength=1 style=0.5,0.5")
    return Timeline(tuple(points["strength"]), tuple(points["style"]))  # type: ignore[arg-type]


def _settings(words: Sequence[str], styles: int) -> dict[str, float | tuple[float, ...]]:
    """Return the settings of a line, which follow its time."""
    if not words:
        raise ValueError("nothing follows the time: give strength=, style= or both, for example strength=0.5")
    settings: dict[str, float | tuple[float, ...]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in _KEYS or not equals:
            raise ValueError(f"{word!r} is unknown: give strength=0.5 or style=0.5,0.5, without spaces in them")
        if key in settings:
            raise ValueError(f"{key} is given twice")
        settings[key] = _strength(value) if key == "strength" else _style(value, styles)
    return settings


def _strength(text: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise ValueError(f"strength={text}: give a number from 0 (the clip) to 1 (the full style)")
    return strength


def _style(text: str, styles: int) -> tuple[float, ...]:
    if styles == 1:
        raise ValueError(f"style={text}: the filter holds one style, so there is none to choose")
    return style_weights(parse_style(text), styles)
