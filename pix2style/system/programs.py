"""Run other programs, split their commands, and kill them with their child processes."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Sequence

from pix2style.system.interrupts import Terminated, interrupts_held

KILLED = -9
"""Exit code of a program that was killed, as `subprocess` reports it on Linux and macOS."""
# A terminal sends Ctrl-C to all programs that it shows. A program gets so long to end by it, then so long to end by
# SIGTERM, and then it is killed.
_ENDS_BY_ITSELF_S = 5.0
_ENDS_BY_SIGTERM_S = 20.0
_POLL_S = 0.2


def run_until_interrupted(command: Sequence[str]) -> int:
    """Run a program without its output, and return its exit code.

    Raises:
        KeyboardInterrupt: A signal came to this process. The program was given the time to finish what it had begun.
    """
    process = None
    try:
        with interrupts_held():  # a signal inside of Popen would leave a program that nobody knows of
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - an own command
        # In short waits, because a signal ends a long one on Linux and macOS only, and only if it came to this thread.
        while (code := _wait(process, _POLL_S)) is None:
            pass
    except BaseException as error:
        if process is not None:
            _end(process, is_told=not isinstance(error, Terminated))
        raise
    return code


def _end(process: subprocess.Popen[bytes], *, is_told: bool) -> None:
    try:
        if is_told and _wait(process, _ENDS_BY_ITSELF_S) is not None:
            return
        process.terminate()
        _wait(process, _ENDS_BY_SIGTERM_S)
    finally:
        process.kill()  # has no effect on one that has ended
        process.wait()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """Kill a running program that was started with `start_new_session=True`, and the programs that it started."""
    if os.name == "nt":
        # `start_new_session` has no effect on Windows: taskkill finds the child processes instead.
        with contextlib.suppress(OSError):
            subprocess.run(  # noqa: S603
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607 - a program of Windows
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
    elif hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, -KILLED)
    with contextlib.suppress(OSError):
        process.kill()


def split_command(text: str) -> list[str]:
    r"""Split a command into arguments as the system's shells do: on Windows a \ is part of a path.

    Raises:
        ValueError: A quotation is not closed.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    if os.name == "nt":
        lexer.escape = ""
    return list(lexer)
