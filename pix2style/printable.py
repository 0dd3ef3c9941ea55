"""Make names of files, and what libraries say, fit for a terminal."""

from __future__ import annotations

import unicodedata


def printable(text: str, *, keep: str = "") -> str:
    """Escape control characters: names in a stranger's file or folder must not command the terminal.

    Args:
        text: Any text. Bytes of file names that are no text are left to the stream, which replaces or escapes them.
        keep: Characters that are not escaped, for example line breaks.
    """
    return "".join(
        character if character in keep or _is_visible(character) else ascii(character)[1:-1] for character in text
    )


def _is_visible(character: str) -> bool:
    # `isprintable` is false for all spaces but one; names of screenshots on macOS hold a narrow one.
    return character.isprintable() or unicodedata.category(character) in ("Zs", "Cs")


def one_line(text: object) -> str:
    """Return a text on one line, for messages of libraries that have several."""
    return " ".join(str(text).split())
