"""Print on terminals of any encoding, and find out what no command can work with before it begins."""

from __future__ import annotations

import codecs
import io
import json
import sys
from pathlib import Path
from typing import Any

from pix2style.errors import ConfigError, DataError

_PLAIN = "pix2style.plain"
# What tables and messages of the program hold; as far as a character has a look-alike of one column.
_PLAIN_CHARACTERS = {"\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-", "\N{MULTIPLICATION SIGN}": "x", "\N{MINUS SIGN}": "-"}


def print_in_any_encoding() -> None:
    """Print a look-alike or a question mark for what the terminal's encoding does not have, instead of failing.

    A terminal may have another encoding than UTF-8 (Windows, LC_ALL=de_DE.ISO-8859-1), and names of files may hold
    bytes that are no text.
    """
    codecs.register_error(_PLAIN, _plain)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_PLAIN)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN_CHARACTERS.get(character, "?") for character in text), error.end


def json_text(value: Any, **options: Any) -> str:
    """Return indented JSON for stdout: readable text where its encoding has the characters, and else escapes.

    Args:
        value: Value to print.
        options: Further arguments of `json.dumps`.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, **options)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=2, **options)
    return text


def check_working_directory() -> None:
    """Check that the working directory exists.

    Raises:
        ConfigError: It was deleted or may not be entered, so that relative paths mean nothing.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigError("the working directory is gone: change to another folder (cd) and run it again") from error


def as_data_error(error: OSError) -> DataError:
    """Return an error of the system, which no part of the program has explained, as a message for people."""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    what = " -> ".join(names) or "a file or the output cannot be read or written"
    return DataError(f"{what}: {error.strerror or error}")
