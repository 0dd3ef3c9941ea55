"""Numbers with nouns in messages."""

from __future__ import annotations


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
