"""The program `pix2style`: its root command, and how errors become messages and exit codes."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from pix2style.cli.commands import COMMAND_MODULES, import_commands
from pix2style.cli.option_groups import with_option_groups
from pix2style.cli.standard_streams import open_missing_streams, refuse_standard_output
from pix2style.cli.terminal import as_data_error, check_working_directory, print_in_any_encoding
from pix2style.errors import Pix2StyleError
from pix2style.home_paths import expand_arguments
from pix2style.printable import printable
from pix2style.processes import is_main_process
from pix2style.progress import set_quiet
from pix2style.version import __version__

EXIT_SOME_FAILED = 1
_LAYOUT = "\n\t"  # control characters that messages may hold
EXIT_INTERRUPTED = 130
# What to do after Ctrl-C, for commands that the same command line does not resume.
_RESUME_ADVICE = {
    "train": "run the same command again, with --resume if training had begun",
    "distill": "run the same command again to go on, with --resume if training had begun",
    "train-features": "nothing was written; the same command starts again",
    "stylize": "only intermediate images were written; --start continues from one of them",
}
_QUIET_HELP = "Print no remarks and no progress on stderr. Results, failures and errors are printed in any case."
_DEFAULT_RESUME_ADVICE = "run the same command again to go on"

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


def main() -> None:
    """Run the program; errors become one message on stderr and an exit code (docs/reference/exit-codes.md)."""
    open_missing_streams()
    print_in_any_encoding()
    try:
        _run()
    except Pix2StyleError as error:
        print(f"pix2style: {printable(str(error), keep=_LAYOUT)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _exit_interrupted()
    except SystemExit as exit_request:
        # Typer catches KeyboardInterrupt itself and exits with this code, without a message.
        if exit_request.code == EXIT_INTERRUPTED:
            _exit_interrupted()
        raise


def _run() -> None:
    """Run the command, and turn an error of the system that it did not explain into a message."""
    try:
        sys.argv[1:] = expand_arguments(sys.argv[1:])
        refuse_standard_output(sys.argv[1:])
        import_commands(sys.argv[1:])
        app(prog_name="pix2style")  # also for `python -m pix2style`, whose completion is that of the program
    except OSError as error:
        raise as_data_error(error) from error


@contextlib.contextmanager
def advise_after_interrupt(command: str, advice: Callable[[], str]) -> Iterator[None]:
    """Choose what is printed if Ctrl-C ends the block.

    Args:
        command: Name of the command.
        advice: Called after Ctrl-C; returns what to do, for example depending on which files there are by then.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as interruption:
        # Typer turns the exception into an exit code, so the advice cannot travel with it. Several processes that train
        # together leave by SystemExit.
        if isinstance(interruption, KeyboardInterrupt) or interruption.code == EXIT_INTERRUPTED:
            _RESUME_ADVICE[command] = advice()
        raise


def _exit_interrupted() -> NoReturn:
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if is_main_process():
        print(f"pix2style: interrupted; {_RESUME_ADVICE.get(command, _DEFAULT_RESUME_ADVICE)}", file=sys.stderr)
    sys.exit(EXIT_INTERRUPTED)
