"""Limits that a worker process sets for itself, where the system has them, so that it cannot harm other processes."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from pix2style.system.interrupts import STOP_SIGNALS

_OOM_SCORE = Path("/proc/self/oom_score_adj")
_LIKELY_VICTIM = "500"  # of -1000 to 1000, see proc(5)


def ignore_stop_signals() -> None:
    """Ignore the signals by which a terminal or a service manager stops all processes of a program."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def limit_memory(memory_bytes: int) -> None:
    """Limit the memory of this process: allocations beyond the limit fail.

    The limit counts memory that can be written, not mapped files. If the system runs out of memory nevertheless, Linux
    ends this process rather than others. A crash writes no core dump. macOS and Windows do not enforce such limits.

    Args:
        memory_bytes: Largest size; 0 for no limit.
    """
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        if memory_bytes and (hard == resource.RLIM_INFINITY or memory_bytes < hard):
            resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, hard))
        with contextlib.suppress(OSError):  # /proc may be missing or not be writable
            _OOM_SCORE.write_text(_LIKELY_VICTIM)


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Let the system end this process if the block takes longer, even if it hangs in a C library.

    Windows has no such timer.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)
