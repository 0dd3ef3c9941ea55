"""Texts about many things: numbers with nouns, and failures that have one reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None, *, verb: str | None = None) -> str:
    """Return a number with its noun: `1 photo`, `2 photos`, `1,000 photos`.

    Args:
        number: The number.
        noun: The noun in the singular, for example `photo`; it may be several words.
        plural: The plural; None adds an s.
        verb: A verb in the singular that follows, `is`, `was`, `has` or a regular one such as `fails`.
    """
    if number == 1:
        return f"1 {noun}" + (f" {verb}" if verb else "")
    irregular = {"is": "are", "was": "were", "has": "have"}
    return f"{number:,} {plural or noun + 's'}" + (f" {irregular.get(verb, verb.removesuffix('s'))}" if verb else "")


def merge_missing_packages(failures: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Merge failures that one and the same missing package explains into one line."""
    merged: dict[tuple[str, str], tuple[str, str]] = {}
    counts = Counter(reason for _, reason in failures)
    for name, reason in failures:
        if counts[reason] > 1 and " install " in reason:
            merged.setdefault(("", reason), (f"{name} and {counts[reason] - 1:,} more", reason))
        else:
            merged.setdefault((name, reason), (name, reason))
    return list(merged.values())
