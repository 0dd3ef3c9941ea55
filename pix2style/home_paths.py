"""Paths that begin with `~`, for the user's home folder, where no shell has replaced it.

A shell replaces `~` only at the beginning of a word: not in `--out=~/painted`, in a configuration file, or in quotes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import ConfigError

# `--out=~/x`, `-o~/x`, `~/x`, and each of them with a teacher's name before the path (`magenta:~/painting.jpg`).
_ARGUMENT = re.compile(r"(?P<before>(?:--[a-z][a-z0-9-]*=|-[a-zA-Z])?(?:[a-z]+:)?)(?P<path>\.?[/\\]?~.*)", re.DOTALL)
# Options whose values are texts of their own, in which `~` means nothing.
TEXT_OPTIONS = frozenset({"--prompt", "--licence", "--teacher-licence"})
_CURRENT_FOLDER = tuple(f".{separator}" for separator in (os.sep, os.altsep) if separator)


def expand_home(text: str) -> str:
    """Replace `~` or `~user` at the beginning of a path by the home folder, as shells do.

    Args:
        text: A path. `./~` names a file or folder of that name; it is made absolute, so that it can be passed on. A
            file in the working directory whose name begins with `~` is not taken for a user that does not exist.

    Raises:
        ConfigError: There is no such user, or no home folder is known.
    """
    for prefix in _CURRENT_FOLDER:
        if text.startswith(f"{prefix}~"):
            return str(Path.cwd() / text.removeprefix(prefix))
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        first = Path(text).parts[0]
        if first == "~":
            message = f"{text}: no home folder is known: set the variable HOME, or write the whole path"
            raise ConfigError(message) from error
        if os.path.lexists(first):
            return text
        message = f"{text}: there is no user {first[1:]!r}: write ./{text} for a file or folder of that name"
        raise ConfigError(message) from error


def expand_arguments(arguments: Sequence[str]) -> list[str]:
    """Replace `~` at the beginning of paths in the arguments of a command line.

    Values in `KEY=VALUE` arguments are left to the configuration, which knows which keys hold paths.

    Args:
        arguments: Arguments. One that is the name of a file in the working directory stays, because a shell's `*` may
            have given it.

    Raises:
        ConfigError: There is no such user, or no home folder is known. The message begins with the argument.
    """
    before = ["", *arguments]
    return [
        argument if option in TEXT_OPTIONS or argument.partition("=")[0] in TEXT_OPTIONS else _expand_argument(argument)
        for option, argument in zip(before, arguments, strict=False)
    ]


def _expand_argument(argument: str) -> str:
    match = _ARGUMENT.fullmatch(argument)
    if match is None or (argument.startswith("~") and "/" not in argument and os.path.lexists(argument)):
        return argument
    try:
        return match["before"] + expand_home(match["path"])
    except ConfigError as error:
        raise ConfigError(f"{match['before'].rstrip('=')} {error}".strip()) from error
