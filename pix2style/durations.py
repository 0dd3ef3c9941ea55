"""Durations, and how far a work is, in words."""

from __future__ import annotations


def live_text(share: float | None, left_s: float | None, remark: str = "") -> str:
    """Return how far a work is, for example `40% done, 3 min 05 s left, loss 1.234`."""
    return joined("" if share is None else f"{share:.0%} done", time_left_text(left_s), remark)


def time_left_text(left_s: float | None) -> str:
    """Return for example `45 s left`; empty if the time is not known."""
    return "" if left_s is None else f"{duration_text(left_s)} left"


def joined(*texts: str) -> str:
    """Return the texts that are not empty, with commas between them."""
    return ", ".join(text for text in texts if text)


def duration_text(seconds: float) -> str:
    """Return a duration such as `45 s`, `3 min 05 s` or `2 h 10 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
