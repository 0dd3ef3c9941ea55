"""Calls of Windows that Python's standard library does not offer. Elsewhere they answer that nothing is known."""

from __future__ import annotations

import sys

_FAIL_IMMEDIATELY, _EXCLUSIVE, _LOCK_VIOLATION = 1, 2, 33
_FAR_BEHIND_THE_END = 1 << 30  # upper half of an offset of 64 bits

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    class _Overlapped(ctypes.Structure):
        _fields_ = (
            ("internal", ctypes.c_size_t),
            ("internal_high", ctypes.c_size_t),
            ("offset", wintypes.DWORD),
            ("offset_high", wintypes.DWORD),
            ("event", wintypes.HANDLE),
        )

    class _MemoryCounters(ctypes.Structure):
        _fields_ = (
            ("size", wintypes.DWORD),
            ("page_faults", wintypes.DWORD),
            ("peak_working_set", ctypes.c_size_t),
            ("others", ctypes.c_size_t * 7),
        )

    class _MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("size", wintypes.DWORD),
            ("load", wintypes.DWORD),
            ("total", ctypes.c_ulonglong),
            ("others", ctypes.c_ulonglong * 6),
        )


def lock_file(handle: int, *, shared: bool, wait: bool) -> bool:
    """Lock a byte far behind the end of an open file; return False if another process has locked it.

    Windows keeps others from reading and writing what is locked, so the byte must be one that no file has. The lock
    ends when the file is closed.
    """
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        flags = (0 if shared else _EXCLUSIVE) | (0 if wait else _FAIL_IMMEDIATELY)
        place = _Overlapped(offset=0, offset_high=_FAR_BEHIND_THE_END)
        file = wintypes.HANDLE(msvcrt.get_osfhandle(handle))
        is_locked = bool(kernel.LockFileEx(file, flags, 0, 1, 0, ctypes.byref(place)))
        return is_locked or ctypes.get_last_error() != _LOCK_VIOLATION
    else:  # noqa: RET505 (mypy takes code after the block for unreachable on Windows)
        return True


def peak_memory_bytes() -> int | None:
    """Return the largest amount of memory that this process has used so far; None if the system does not say."""
    if sys.platform == "win32":
        counters = _MemoryCounters(size=ctypes.sizeof(_MemoryCounters))
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.K32GetProcessMemoryInfo.argtypes = (wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD)
        is_known = kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size)
        return int(counters.peak_working_set) if is_known else None
    else:  # noqa: RET505
        return None


def physical_memory_bytes() -> int | None:
    """Return how much memory the machine has; None if the system does not say."""
    if sys.platform == "win32":
        status = _MemoryStatus(size=ctypes.sizeof(_MemoryStatus))
        is_known = ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status.total) if is_known else None
    else:  # noqa: RET505
        return None
