"""Catch what C libraries write to stderr by themselves, as libtiff does."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

_STDERR = 2


class _Catcher:
    """What has to be made anew in a child process, if another thread caught stderr while it was forked.

    Attributes:
        lock: Held while stderr is caught, by one thread at a time.
        original: A copy of the descriptor of stderr while that is caught; else None.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.original: int | None = None

    def after_fork(self) -> None:
        """Free the lock and give stderr back: the thread that would do so does not exist in the child process."""
        self.lock = threading.Lock()
        if self.original is not None:
            os.dup2(self.original, _STDERR)
        self.original = None


def _occupy_closed_descriptor() -> None:
    """Lead to nowhere what C libraries write, if Python was started without stderr: else the next file would get it."""
    if sys.__stderr__ is not None:
        return
    try:
        os.fstat(_STDERR)
    except OSError:
        handle = os.open(os.devnull, os.O_WRONLY)
        if handle != _STDERR:
            os.dup2(handle, _STDERR)
            os.close(handle)


_occupy_closed_descriptor()
_CATCHER = _Catcher()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_CATCHER.after_fork)


@contextmanager
def caught_stderr(wanted: re.Pattern[str]) -> Iterator[list[str]]:
    """Catch lines whose beginning matches `wanted`; they are in the list after the block.

    All other lines, for example those of another thread, are written to stderr after the block. Nothing is caught if
    the process has no stderr, or if there is no folder for a temporary file.
    """
    lines: list[str] = []
    with _CATCHER.lock:
        original = _copy_of_stderr()
        file = None if original is None else _temporary_file()
        try:
            if original is None or file is None:
                yield lines
                return
            with file:
                yield from _catch(original, file, wanted, lines)
        finally:
            if original is not None:
                os.close(original)


def _copy_of_stderr() -> int | None:
    # Python was started with stderr closed if it has none itself. The descriptor may then be that of any other file.
    if sys.__stderr__ is None:
        return None
    try:
        return os.dup(_STDERR)
    except OSError:
        return None


def _temporary_file() -> IO[bytes] | None:
    import tempfile  # it imports much, and most kinds of files print nothing

    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None


def _catch(original: int, file: IO[bytes], wanted: re.Pattern[str], lines: list[str]) -> Iterator[list[str]]:
    _flush()
    _CATCHER.original = original
    os.dup2(file.fileno(), _STDERR)
    try:
        yield lines
    finally:
        _flush()
        os.dup2(original, _STDERR)
        _CATCHER.original = None
        file.seek(0)
        text = file.read().decode("utf-8", "replace")
        lines += [line for line in text.splitlines() if wanted.match(line)]
        others = "".join(line for line in text.splitlines(keepends=True) if not wanted.match(line))
        with suppress(OSError):  # nobody reads stderr any more, or its disk is full
            os.write(_STDERR, others.encode("utf-8", "replace"))


def _flush() -> None:
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
