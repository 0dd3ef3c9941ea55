"""Make names of files, and what libraries say, fit for a terminal."""

from __future__ import annotations

import os
import unicodedata


def printable(text: str, *, keep: str = "", file_names: bool = True) -> str:
    """Escape control characters: names in a stranger's file or folder must not command the terminal.

    Args:
        text: Any text.
        keep: Characters that are not escaped, for example line breaks.
        file_names: The text holds names of files. Their bytes that are no text, which Python holds as lone surrogates,
            are left to the stream, which replaces or escapes them. Otherwise surrogates are escaped.
    """
    # `isprintable` is false for all spaces but one; names of screenshots on macOS hold a narrow one.
    categories = ("Zs", "Cs") if file_names else ("Zs",)

    def is_kept(character: str) -> bool:
        return character in keep or character.isprintable() or unicodedata.category(character) in categories

    return "".join(character if is_kept(character) else ascii(character)[1:-1] for character in text)


def one_line(text: object) -> str:
    """Return a text on one line, for messages of libraries that have several."""
    return " ".join(str(text).split())


def text_of_file_name(name: str) -> str:
    """Return a file name as text for a JSON document: file names may hold bytes that are not valid UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
