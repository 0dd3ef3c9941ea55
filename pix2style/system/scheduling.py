"""How the system schedules the threads of this process, where a library changes it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextlib.contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Give threads that have become real-time ones during the block their ordinary scheduling back.

    SVT-AV1 4.1 makes the thread that opens an encoder, and the encoder's threads, real-time ones of the highest
    priority where it may, as root in a container may. Everything else then waits for them, and all programs that are
    started later inherit it. Only Linux says which threads a process has; elsewhere nothing is changed.
    """
    before = real_time_threads()
    try:
        yield
    finally:
        for thread in real_time_threads() - before:
            _make_ordinary(thread)


def real_time_threads() -> set[int]:
    """Return the ids of this process's threads that the system schedules in real time."""
    threads: set[int] = set()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            for entry in os.listdir(_THREADS):  # noqa: PTH208 (a folder of the system, of names alone)
                with contextlib.suppress(OSError):
                    if os.sched_getscheduler(int(entry)) in (os.SCHED_FIFO, os.SCHED_RR):
                        threads.add(int(entry))
    return threads


def _make_ordinary(thread: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # it has ended
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
