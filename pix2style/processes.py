"""Processes: how many cores one may use, and who of several speaks."""

from __future__ import annotations

import os

# ONNX Runtime's workers go on spinning for about 0.07 s after a call, on cores that another session needs: without a
# pause before it is timed, a filter of 7 ms seemed to take 14.
PAUSE_BEFORE_TIMING_S = 0.1


def is_main_process() -> bool:
    """Whether this process talks to people: of those that torchrun started, the first one does."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def usable_cores() -> int:
    """Those that this process may use; macOS does not say, and all of them count there."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
