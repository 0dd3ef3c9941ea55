"""The root command of the program, with which commands register."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pix2style.cli.commands import COMMAND_MODULES
from pix2style.cli.exits import EXIT_SOME_FAILED, advise_after_interrupt
from pix2style.cli.lazy_typer import annotation_for_typer
from pix2style.cli.option_groups import with_option_groups
from pix2style.cli.terminal import check_working_directory
from pix2style.progress import set_quiet
from pix2style.version import __version__

__all__ = ["EXIT_SOME_FAILED", "Application", "advise_after_interrupt", "app"]

_QUIET_HELP = "Print no remarks and no progress on stderr. Results, failures and errors are printed in any case."

_QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help=_QUIET_HELP)]


class Application(typer.Typer):
    """A group of commands, each of which has the option `--quiet`: people type options behind a command."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Return the decorator that registers a function as a command; see `with_option_groups` for its parameters."""
        register = super().command(name, **settings)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            register(_with_quiet_option(with_option_groups(function)))
            return function

        return decorate


def _with_quiet_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that takes `quiet`, too."""

    @functools.wraps(function)
    def run(*arguments: Any, quiet: bool = False, **options: Any) -> Any:
        if quiet:
            set_quiet(True)
        return function(*arguments, **options)

    signature, hints = inspect.signature(function), typing.get_type_hints(function, include_extras=True)
    hints = {name: annotation_for_typer(hint) for name, hint in hints.items()}
    parameters = [value.replace(annotation=hints[name]) for name, value in signature.parameters.items()]
    quiet = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_QuietOption)
    run.__signature__ = inspect.Signature([*parameters, quiet])  # type: ignore[attr-defined]
    run.__annotations__ = {**hints, "quiet": _QuietOption}
    return run


class _RootGroup(TyperGroup):
    """The commands in the order of the table, in which order they may have been imported."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands that are registered."""
        registered = super().list_commands(ctx)
        return [name for name in COMMAND_MODULES if name in registered]


app = Application(
    name="pix2style",
    cls=_RootGroup,
    help="Turn the style of a painting into a small, fast image filter.",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"pix2style {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001 (handled by its callback)
        bool,
        typer.Option(
            "--version", "-v", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    quiet: _QuietOption = False,
) -> None:
    """Turn the style of a painting into a small, fast image filter."""
    check_working_directory()
    if quiet:
        set_quiet(True)
