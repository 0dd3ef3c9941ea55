"""This process and its threads: whether it is the main one, how many cores it may use, and tasks in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Threads of ONNX Runtime keep spinning for about 0.07 s after a call, on cores that the next session needs. Timing
# without a pause doubled the measured time of a small filter (14 instead of 7 ms).
PAUSE_BEFORE_TIMING_S = 0.1


def is_main_process() -> bool:
    """Return whether this process prints messages and writes files: rank 0 of those that torchrun started."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def usable_cores() -> int:
    """Return the number of cores that this process may use; on macOS, which has no such limit, all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def submit_ahead(
    pool: Executor, function: Callable[[_Item], _Result], items: Iterable[_Item], most: int
) -> Iterator[tuple[_Item, Future[_Result]]]:
    """Yield each item with its future, in order, while the pool holds futures of at most `most` further items."""
    futures: deque[tuple[_Item, Future[_Result]]] = deque()
    for item in items:
        futures.append((item, pool.submit(function, item)))
        if len(futures) > most:
            yield futures.popleft()
    yield from futures
