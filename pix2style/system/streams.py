"""Standard streams as streams of bytes."""

from __future__ import annotations

import sys


def set_binary(handle: int) -> None:
    """Make an open descriptor pass bytes as they are. Windows may else write a line feed as two bytes."""
    if sys.platform == "win32":
        import msvcrt
        import os

        msvcrt.setmode(handle, os.O_BINARY)
    else:
        del handle
