"""Write the table of exit codes from the error classes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from markdown_table import table

from pix2style import errors
from pix2style.cli.exits import EXIT_INTERRUPTED, EXIT_SOME_FAILED


def exit_code_table() -> str:
    """Return a Markdown table with one row for each exit code."""
    rows = [
        (0, "The command did everything."),
        (
            EXIT_SOME_FAILED,
            "The command is done, but some inputs failed. They are listed on stderr. Or: `doctor` found problems.",
        ),
        *((error.exit_code, inspect.getdoc(error) or "") for error in _error_classes()),
        (
            EXIT_INTERRUPTED,
            "Ctrl-C, SIGTERM or SIGHUP (its terminal was closed) ended the command. The message says how to go on.",
        ),
    ]
    return table(("Exit code", "Meaning"), [(str(code), meaning) for code, meaning in rows])


def _error_classes() -> Iterator[type[errors.Pix2StyleError]]:
    """Yield the error classes that have an exit code of their own, in the order of the codes."""
    classes = [cls for cls in errors.Pix2StyleError.__subclasses__() if "exit_code" in vars(cls)]
    yield from sorted(classes, key=lambda cls: cls.exit_code)
