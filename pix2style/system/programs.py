"""Split the commands of other programs, and kill them with their child processes."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess

KILLED = -9
"""Exit code of a program that was killed, as `subprocess` reports it on Linux and macOS."""


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
