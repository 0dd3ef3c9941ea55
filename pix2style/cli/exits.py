"""Exit codes, and how commands are left by Ctrl-C."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

from pix2style.processes import is_main_process

EXIT_SOME_FAILED = 1
EXIT_INTERRUPTED = 130
# What to do after Ctrl-C, for commands that the same command line does not resume.
_RESUME_ADVICE = {
    "train": "run the same command again, with --resume if training had begun",
    "distill": "run the same command again to go on, with --resume if training had begun",
    "train-features": "nothing was written; the same command starts again",
    "stylize": "only intermediate images were written; --start continues from one of them",
}
_DEFAULT_RESUME_ADVICE = "run the same command again to go on"


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


def exit_interrupted() -> NoReturn:
    """Say how to go on after Ctrl-C, and leave."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if is_main_process():
        print(f"pix2style: interrupted; {_RESUME_ADVICE.get(command, _DEFAULT_RESUME_ADVICE)}", file=sys.stderr)
    sys.exit(EXIT_INTERRUPTED)
