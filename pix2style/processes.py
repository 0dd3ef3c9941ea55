"""Processes: how many cores one may use, and who of several speaks."""

from __future__ import annotations

import os


def speaks() -> bool:
    """Whether this process talks to people: of those that torchrun started, the first one does."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def usable_cores() -> int:
    """Those that this process may use; macOS does not say, and all of them count there."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
