"""What the server prints on stderr about faults and workers."""

from __future__ import annotations

import contextlib
import sys


def print_to_log(text: str) -> None:
    """Print lines on stderr. If whoever read them has gone, as with `2>&1 | tee`, the server goes on without them."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
