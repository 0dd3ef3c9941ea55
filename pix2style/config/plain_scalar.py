"""Values that were written without quotes, whose meaning depends on the key: `010` is a number or a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
# Decimal numbers, with single underscores between digits. Other notations, such as octal, stay texts.
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_INTEGER = re.compile(rf"[-+]?{_DIGITS}")
_FLOAT = re.compile(rf"[-+]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class PlainScalar:
    """A value without quotes.

    Attributes:
        text: The value as it was written.
        line: Its line in the file, from 1; None outside of a file.
        comment: What follows it, if that begins with `#` and no space, so that it may be part of the value.
    """

    text: str
    line: int | None = None
    comment: str = ""

    @property
    def value(self) -> bool | int | float | str | None:
        """The value by its form: null, true or false, a decimal number, or else the text."""
        text = self.text.strip()
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        digits = text.replace("_", "")
        try:
            if _INTEGER.fullmatch(text):
                return int(digits, base=10)
            return float(digits) if _FLOAT.fullmatch(text) else self.text
        except ValueError:  # more digits than Python converts
            return self.text
