"""The `pix2style` program: its commands, and how errors leave it."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from pix2style.errors import Pix2StyleError
from pix2style.processes import is_main_process
from pix2style.version import __version__

EXIT_SOME_FAILED = 1
EXIT_INTERRUPTED = 130
_RUN_AGAIN = "run the same command again to go on"
_GO_ON = {
    "train": "run the same command again with --resume to go on",
    "distill": "run the same command again to go on, with --resume if training had begun",
    "train-features": "nothing was written; the same command begins again",
    "stylize": "nothing was written but the intermediate pictures; --start goes on from one of them",
}

app = typer.Typer(
    name="pix2style",
    help="From one painting to a filter you can ship.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pix2style {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """From one painting to a filter you can ship."""


def main() -> None:
    """Run the program; errors become one message on stderr and an exit code (docs/reference/exit-codes.md)."""
    try:
        app()
    except Pix2StyleError as error:
        print(f"pix2style: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _leave_interrupted()
    except SystemExit as leaving:
        # Typer turns Ctrl-C into a silent exit.
        if leaving.code == EXIT_INTERRUPTED:
            _leave_interrupted()
        raise


def _leave_interrupted() -> NoReturn:
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if is_main_process():
        print(f"pix2style: interrupted; {_GO_ON.get(command, _RUN_AGAIN)}", file=sys.stderr)
    sys.exit(EXIT_INTERRUPTED)
