"""Catch what C libraries write to stderr by themselves, as libtiff does."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def caught_stderr(wanted: re.Pattern[str]) -> Iterator[list[str]]:
    """Catch lines whose beginning matches `wanted`; they are in the list after the block.

    All other lines, for example those of another thread, are written to stderr after the block.
    """
    lines: list[str] = []
    with _ONE_AT_A_TIME, tempfile.TemporaryFile() as file:
        try:
            original = os.dup(_STDERR)
        except OSError:  # the process has no stderr
            yield lines
            return
        try:
            _flush()
            os.dup2(file.fileno(), _STDERR)
            try:
                yield lines
            finally:
                _flush()
                os.dup2(original, _STDERR)
                file.seek(0)
                text = file.read().decode("utf-8", "replace")
                lines += [line for line in text.splitlines() if wanted.match(line)]
                others = "".join(line for line in text.splitlines(keepends=True) if not wanted.match(line))
                os.write(_STDERR, others.encode("utf-8", "replace"))
        finally:
            os.close(original)


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
