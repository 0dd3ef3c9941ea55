"""Moments of a clip, as people write them: `90`, `1:30` or `0:01:30.5`."""

from __future__ import annotations

import re

_CLOCK = re.compile(r"(?:(?P<hours>\d{1,4}):)??(?P<minutes>\d{1,2}):(?P<seconds>[0-5]?\d(?:\.\d*)?)", re.ASCII)
_SECONDS = re.compile(r"\d{1,8}(?:\.\d*)?|\.\d+", re.ASCII)
EXPECTED_TIME = "give seconds such as 90 or 90.5, or a clock time such as 1:30 or 0:01:30.5"


def parse_time(text: str) -> float:
    """Return a moment in seconds from the beginning of the clip.

    Args:
        text: Seconds, or `[HH:]MM:SS.sss`.

    Raises:
        ValueError: It is neither. The message says what is expected.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    match = _CLOCK.fullmatch(text)
    if match is None or (match["hours"] and int(match["minutes"]) >= 60):
        raise ValueError(f"{text!r} is no time: {EXPECTED_TIME}")
    return 3600 * int(match["hours"] or 0) + 60 * int(match["minutes"]) + float(match["seconds"])


def time_text(seconds: float) -> str:
    """Return a moment as `0:01:30.500`, without the digits that say nothing."""
    whole, fraction = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    clock = f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
    return clock + (f".{fraction:03d}" if fraction else "")
