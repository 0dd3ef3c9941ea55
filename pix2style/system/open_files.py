"""Find out how many files and connections this process may have open."""

from __future__ import annotations

import functools
import sys

_USUAL = 1024


@functools.cache
def most_open_files() -> int:
    """Return the limit of the system. If it has none, as on Windows, return 1024, the usual limit of Linux."""
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return soft
    return _USUAL
