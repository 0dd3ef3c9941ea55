"""How much memory this process has used, and how much the machine has."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from pix2style.system import windows


def _optional_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_resource = _optional_module("resource")


def peak_memory_bytes() -> int | None:
    """Return the largest amount of memory that this process has used so far; None if the system does not say."""
    if _resource is None:
        return windows.peak_memory_bytes()
    peak = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)  # macOS counts in bytes, Linux in KiB


def physical_memory_bytes() -> int | None:
    """Return how much memory the machine has; None if the system does not say."""
    if not hasattr(os, "sysconf"):
        return windows.physical_memory_bytes()
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError):
        return None
