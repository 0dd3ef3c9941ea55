"""This process and its threads: whether it is the main one, how many cores it may use, and tasks in order."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pix2style.system.interrupts import POLL_S, interrupts_held

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Threads of ONNX Runtime keep spinning for about 0.07 s after a call, on cores that the next session needs. Timing
# without a pause doubled the measured time of a small filter (14 instead of 7 ms).
PAUSE_BEFORE_TIMING_S = 0.1
_IMPORTED_S = time.monotonic()
_START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the name of the program: proc(5)
# A container may count from another moment than the system: a longer time before the first import is not believed.
_LONGEST_START_S = 60.0


def is_main_process() -> bool:
    """Return whether this process prints messages and writes files: rank 0 of those that torchrun started."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def process_start_s() -> float:
    """Return the moment at which this process was started, on the scale of `time.monotonic()`.

    Where the system does not say it, that is the moment at which this module was imported.
    """
    start_s = _IMPORTED_S
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
            fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            started_s = int(fields[_START_TIME_FIELD]) / os.sysconf("SC_CLK_TCK")
            start_s = time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - started_s)
    return start_s if _IMPORTED_S - _LONGEST_START_S < start_s < _IMPORTED_S else _IMPORTED_S


def python_command(*arguments: str) -> list[str]:
    """Return the command that starts this Python again with some arguments.

    It does not import from the working folder, which is the user's and may hold a file such as `queue.py`, unless
    pix2style itself is imported from there.
    """
    is_in_working_folder = Path(__file__).parents[1] == Path.cwd()
    return [sys.executable, *([] if is_in_working_folder else ["-P"]), *arguments]


def usable_cores() -> int:
    """Return the number of cores that this process may use; on macOS and Windows, all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def submit_ahead(
    pool: Executor, function: Callable[[_Item], _Result], items: Iterable[_Item], most: int
) -> Iterator[tuple[_Item, Future[_Result]]]:
    """Yield each item with its future, in order, while the pool holds futures of at most `most` further items."""
    futures: deque[tuple[_Item, Future[_Result]]] = deque()
    for item in items:
        with interrupts_held():
            futures.append((item, pool.submit(function, item)))
        if len(futures) > most:
            yield futures.popleft()
    yield from futures


def results_of(futures: Iterable[Future[_Result]]) -> list[_Result]:
    """Return the results of futures, one after the other; see `result_of`."""
    return [result_of(future) for future in futures]


def result_of(future: Future[_Result]) -> _Result:
    """Return the result of a future, or raise its error.

    Unlike in `Future.result`, Ctrl-C in the main thread leaves no lock taken for which the pool would wait for ever.
    """
    with interrupts_held() as interrupts:
        while not _is_done_within(future, POLL_S):
            interrupts.check()
        return future.result()


def are_done(futures: Iterable[Future[_Result]]) -> bool:
    """Return whether all futures are done; the locks of `Future.done` are handled as in `result_of`."""
    with interrupts_held():
        return all(future.done() for future in futures)


def _is_done_within(future: Future[_Result], seconds: float) -> bool:
    from concurrent.futures import CancelledError

    try:
        future.exception(seconds)  # which an error of the work cannot be taken for
    except TimeoutError:
        return False
    except CancelledError:
        pass
    return True


@contextlib.contextmanager
def thread_pool(threads: int) -> Iterator[Executor]:
    """Provide threads; at the end of the block, wait for what they have begun only."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        shut_down(pool)


def shut_down(pool: Executor) -> None:
    """Cancel what a pool has not begun, and wait for the rest; see `result_of`. A second Ctrl-C ends the wait."""
    with interrupts_held():
        pool.shutdown(wait=False, cancel_futures=True)
    pool.shutdown(wait=True)
