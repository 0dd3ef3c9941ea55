"""Types of keys that hold paths: `~` is the home folder, and what cannot be meant is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from pix2style.errors import ConfigError
from pix2style.home_paths import expand_home

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def _expand_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = value.removesuffix("\n")  # a text block of YAML (`>` or `|`) ends in a newline
    if _CONTROL_CHARACTER.search(value):
        raise ValueError(
            "a path must not hold control characters, which YAML reads for \\n and \\t in double quotes: use '...'"
        )
    try:
        return expand_home(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _expand_path(value: Any) -> Any:
    if value == "":
        raise ValueError("the path is empty: write null for none, or . for the working directory")
    return _expand_text(value)


UserPath = Annotated[Path, BeforeValidator(_expand_path)]
"""A path, in which `~` and `~user` at the beginning are home folders."""
UserPathText = Annotated[str, BeforeValidator(_expand_text)]
"""A text that may be a path: a word with another meaning, an address, or a path as `UserPath`."""
