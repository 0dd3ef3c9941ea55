"""Write the reference of the command line from the Typer application."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from markdown_table import table
from typer.models import ArgumentInfo, CommandInfo, OptionInfo

from pix2style.cli.app import app
from pix2style.cli.commands import import_commands

_TYPE_NAMES: dict[object, str] = {Path: "PATH", str: "TEXT", int: "INTEGER", float: "NUMBER"}


def command_reference() -> str:
    """Return one Markdown section for each command, with a table of its arguments and options."""
    import_commands()
    return "\n".join(_section(name, command) for name, command in _commands(app))


def _commands(application: typer.Typer, prefix: str = "") -> Iterator[tuple[str, CommandInfo]]:
    for command in application.registered_commands:
        yield f"{prefix}{command.name}", command
    for group in application.registered_groups:
        if group.typer_instance is not None:
            name = group.name if isinstance(group.name, str) else group.typer_instance.info.name
            yield from _commands(group.typer_instance, f"{prefix}{name} ")


def _section(name: str, command: CommandInfo) -> str:
    callback = command.callback
    if callback is None:
        raise ValueError(f"the command {name} has no function")
    hints = typing.get_type_hints(callback, include_extras=True)
    parameters = [
        _Parameter(parameter.name, hints[parameter.name], parameter.default)
        for parameter in inspect.signature(callback).parameters.values()
        if parameter.name != "quiet"  # every command has it, and the page says so once
    ]
    arguments = [parameter for parameter in parameters if parameter.is_argument]
    usage = " ".join(["pix2style", name, *(argument.usage for argument in arguments), "[OPTIONS]"])
    rows = [(f"`{argument.metavar}`", argument.values, "", argument.help) for argument in arguments]
    rows += [
        (option.switches, option.values, option.default_text, option.help)
        for option in parameters
        if not option.is_argument
    ]
    return "\n".join(
        [
            f"## {name}",
            "",
            inspect.getdoc(callback) or "",
            "",
            "```text",
            usage,
            "```",
            "",
            table(("Argument or option", "Value", "Default", "Meaning"), rows),
            "",
        ]
    )


class _Parameter:
    """One parameter of a command's function, as the command line shows it.

    Args:
        name: Name of the Python parameter.
        annotation: Its annotation, `Annotated` with Typer's information.
        default: Its default, or `inspect.Parameter.empty`.
    """

    def __init__(self, name: str, annotation: Any, default: Any) -> None:
        self._name = name
        self._default = default
        self._type, information = typing.get_args(annotation)
        if not isinstance(information, ArgumentInfo | OptionInfo):
            raise TypeError(f"{name}: is annotated with neither typer.Argument nor typer.Option")
        self._information = information
        self.is_argument = isinstance(information, ArgumentInfo)

    @property
    def help(self) -> str:
        """The help text that `--help` shows."""
        return self._information.help or ""

    @property
    def metavar(self) -> str:
        """The name of an argument in the usage line, without brackets."""
        return (self._information.metavar or self._name.upper()).strip("[].")

    @property
    def usage(self) -> str:
        """An argument in the usage line: with dots if it repeats, in brackets if it may be left out."""
        dots = "..." if self._repeats else ""
        return f"{self.metavar}{dots}" if self._is_required else f"[{self.metavar}{dots}]"

    @property
    def switches(self) -> str:
        """All spellings of an option, as code."""
        # Inside Annotated, Typer keeps the first spelling where other uses have the default.
        spellings = (self._information.default, *(self._information.param_decls or ()))
        declared = [text for text in spellings if isinstance(text, str) and text.startswith("-")]
        long = self._name.replace("_", "-")
        implied = f"--{long}/--no-{long}" if self._base_type is bool else f"--{long}"
        return ", ".join(f"`{text}`" for text in declared or [implied])

    @property
    def values(self) -> str:
        """What an argument or option takes: a type, a range or a list of words; empty for a flag."""
        base = self._base_type
        if base is bool:
            return ""
        if isinstance(base, type) and issubclass(base, Enum):
            text = ", ".join(f"`{member.value}`" for member in base)
        else:
            text = "" if self.is_argument else self._information.metavar or _TYPE_NAMES.get(base, "TEXT")
            text = text or _TYPE_NAMES.get(base, "TEXT")
        return text + self._range + (", repeatable" if self._repeats else "")

    @property
    def default_text(self) -> str:
        """The default of an option as code; empty for a flag and where there is none."""
        if self._is_required:
            return "required"
        if self._default is None or self._default == "" or self._base_type is bool:
            return ""
        value = self._default.value if isinstance(self._default, Enum) else self._default
        return f"`{value}`"

    @property
    def _range(self) -> str:
        low, high = self._information.min, self._information.max
        if low is not None and high is not None:
            return f", {low:g} to {high:g}"
        return f", at least {low:g}" if low is not None else f", at most {high:g}" if high is not None else ""

    @property
    def _is_required(self) -> bool:
        return self._default is inspect.Parameter.empty

    @property
    def _repeats(self) -> bool:
        return typing.get_origin(self._without_none) is list

    @property
    def _without_none(self) -> Any:
        if typing.get_origin(self._type) in {types.UnionType, typing.Union}:
            [alternative] = [member for member in typing.get_args(self._type) if member is not type(None)]
            return alternative
        return self._type

    @property
    def _base_type(self) -> Any:
        return typing.get_args(self._without_none)[0] if self._repeats else self._without_none
