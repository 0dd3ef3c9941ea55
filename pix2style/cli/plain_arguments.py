"""Read the arguments of a command without Typer, which takes longer than stylizing a small photo.

Only what is surely right is read: known names of options, and values that need no explanation. For everything else
(`--help`, misspelled options, wrong values, abbreviations) Typer is asked, which has the words for it.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from pix2style.cli.lazy_typer import Declaration
from pix2style.cli.option_groups import with_option_groups

_NUMBERS = {int: re.compile(r"[0-9]{1,9}"), float: re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")}
_READ_SETTINGS = frozenset(
    {"autocompletion", "help", "metavar", "min", "max", "parser", "show_default", "rich_help_panel"}
)


class NotPlainError(Exception):
    """Typer has to read the arguments."""


def read_plain(function: Callable[..., Any], arguments: Sequence[str]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return what to call for a command line, and its arguments; `quiet` is one of them.

    Args:
        function: The command, whose options are declared by `lazy_typer`.
        arguments: What follows the name of the command.

    Raises:
        NotPlainError: The arguments are not plain.
    """
    command = with_option_groups(function)
    parameters = [_Parameter(value) for value in inspect.signature(command).parameters.values()]
    options = {name: parameter for parameter in parameters for name in parameter.option_names}
    options["-q"] = options["--quiet"] = _Parameter(_QUIET)
    values: dict[str, Any] = {}
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-"):
            words.append(word)
            continue
        name, equals, text = word.partition("=") if word.startswith("--") else (word, "", "")
        option = options.get(name)
        if option is None or option.name in values or (equals and option.is_flag):
            raise NotPlainError
        values[option.name] = True if option.is_flag else option.read(text if equals else next(rest, ""))
    values |= _read_words([parameter for parameter in parameters if not parameter.option_names], words)
    for parameter in parameters:
        if parameter.name not in values:
            values[parameter.name] = parameter.default
    return command, {"quiet": False, **values}


def _read_words(parameters: Sequence[_Parameter], words: Sequence[str]) -> dict[str, Any]:
    """Read what stands outside of options: one word for each argument, and all others for the last one."""
    *single, last = parameters
    if last.is_list:
        if len(words) <= len(single):
            raise NotPlainError
        others = [last.read(word) for word in words[len(single) :]]
        return {last.name: others, **{one.name: one.read(word) for one, word in zip(single, words, strict=False)}}
    if len(words) != len(parameters):
        raise NotPlainError
    return {one.name: one.read(word) for one, word in zip(parameters, words, strict=True)}


class _Parameter:
    """A parameter of a command.

    Raises:
        NotPlainError: It is declared by something that is not read here.
    """

    def __init__(self, parameter: inspect.Parameter) -> None:
        if typing.get_origin(parameter.annotation) is not Annotated:
            raise NotPlainError
        self.name, self._default = parameter.name, parameter.default
        value_type, declaration = typing.get_args(parameter.annotation)
        if not isinstance(declaration, Declaration) or not declaration.settings.keys() <= _READ_SETTINGS:
            raise NotPlainError
        self._settings = declaration.settings
        if isinstance(value_type, types.UnionType):
            [value_type] = [member for member in typing.get_args(value_type) if member is not types.NoneType]
        self.is_list = typing.get_origin(value_type) is list
        self._type = typing.get_args(value_type)[0] if self.is_list else value_type
        self.is_flag = self._type is bool
        self.option_names: tuple[str, ...] = ()
        if declaration.kind == "Option":
            self.option_names = declaration.names or (f"--{self.name.replace('_', '-')}",)

    @property
    def default(self) -> Any:
        """Value of an option that is left out."""
        if self._default is inspect.Parameter.empty or self.is_list:
            raise NotPlainError
        return self._default

    def read(self, text: str) -> Any:
        """Return the value that a text stands for."""
        if not text or text.startswith("-") or (self.is_list and self.option_names):
            raise NotPlainError
        if parser := self._settings.get("parser"):
            return parser(text)
        if self._type in (str, Path):
            return self._type(text)
        if self._type in _NUMBERS and _NUMBERS[self._type].fullmatch(text):
            number = self._type(text)
            if self._settings.get("min", number) <= number <= self._settings.get("max", number):
                return number
        elif issubclass(self._type, Enum) and text in {item.value for item in self._type}:
            return self._type(text)
        raise NotPlainError


_QUIET = inspect.Parameter(
    "quiet", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[bool, Declaration("Option", ("-q", "--quiet"), {})]
)
