"""Run the program `pix2style`: how errors become messages and exit codes."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
import threading
import types
from collections.abc import Sequence

from pix2style.cli.commands import import_commands
from pix2style.cli.exits import EXIT_INTERRUPTED, exit_interrupted
from pix2style.cli.standard_streams import open_missing_streams, refuse_standard_output
from pix2style.cli.terminal import as_data_error, check_working_directory, print_in_any_encoding
from pix2style.errors import Pix2StyleError
from pix2style.home_paths import expand_arguments
from pix2style.printable import printable
from pix2style.progress import set_quiet
from pix2style.system.interrupts import terminated_like_interrupted

_LAYOUT = "\n\t"  # control characters that messages may hold
# torchrun ends the other processes by SIGTERM when one has failed. They may hang in a call that waits for that one, in
# which no handler of Python runs.
_STARTED_BY_TORCHRUN = "TORCHELASTIC_RUN_ID"
# These modules of numpy do nothing but add docstrings to what is written in C.
_NUMPY_DOCSTRINGS = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")


class _WorkDone(SystemExit):
    """The work is done, and nothing is left to clean up."""


def run() -> None:
    """Run the program in a process of its own."""
    try:
        main()
    except _WorkDone:
        _leave_at_once()
        raise


def _leave_at_once() -> None:
    """Leave without freeing each object and library, which takes a tenth of the time for a small photo."""
    if threading.active_count() > 1:
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # Python says what is wrong when it leaves
        return
    os._exit(0)


def main() -> None:
    """Run the program; errors become one message on stderr and an exit code (docs/reference/exit-codes.md)."""
    open_missing_streams()
    print_in_any_encoding()
    try:
        with contextlib.nullcontext() if _STARTED_BY_TORCHRUN in os.environ else terminated_like_interrupted():
            _run()
    except Pix2StyleError as error:
        print(f"pix2style: {printable(str(error), keep=_LAYOUT)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        exit_interrupted()
    except SystemExit as exit_request:
        # Typer catches KeyboardInterrupt itself and exits with this code, without a message.
        if exit_request.code == EXIT_INTERRUPTED:
            exit_interrupted()
        raise


def _run() -> None:
    """Run the command, and turn an error of the system that it did not explain into a message."""
    try:
        sys.argv[1:] = expand_arguments(sys.argv[1:])
        refuse_standard_output(sys.argv[1:])
        _run_plain(sys.argv[1:])
        from pix2style.cli.app import app  # imports Typer

        import_commands(sys.argv[1:])
        app(prog_name="pix2style")  # also for `python -m pix2style`, whose completion is that of the program
    except OSError as error:
        raise as_data_error(error) from error


def _run_plain(arguments: Sequence[str]) -> None:
    """Run `infer` and leave, if its arguments are plain: without Typer, a small photo takes half the time."""
    if arguments[:1] != ["infer"]:
        return
    # Imported modules stay in memory, so collecting garbage meanwhile only takes time. `infer_command` enables the
    # collection when the filter is loaded.
    gc.disable()
    try:
        _run_infer(arguments[1:])
    finally:
        gc.enable()


def _run_infer(arguments: Sequence[str]) -> None:
    from pix2style.cli.infer_cli import infer_command
    from pix2style.cli.plain_arguments import NotPlainError, read_plain

    try:
        command, values = read_plain(infer_command, arguments)
    except NotPlainError:
        return
    check_working_directory()
    if values.pop("quiet"):
        set_quiet(True)
    _import_numpy_quickly()
    try:
        command(**values)
    except BrokenPipeError:  # as Typer: whoever reads the report has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    raise _WorkDone(0)


def _import_numpy_quickly() -> None:
    """Import numpy without its threads for matrix products, which take long to start, and without the docstrings of C.

    `infer` hardly needs these threads, and nobody reads docstrings. `python -OO` leaves them out as well.
    """
    if "numpy" in sys.modules:
        return
    modules = {name: types.ModuleType(name) for name in _NUMPY_DOCSTRINGS if name not in sys.modules}
    sys.modules.update(modules)
    has_threads = "OPENBLAS_NUM_THREADS" in os.environ
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        import numpy  # noqa: F401
    finally:
        if not has_threads:
            del os.environ["OPENBLAS_NUM_THREADS"]  # programs that this one starts shall not find it
        for name in modules:
            sys.modules.pop(name, None)
