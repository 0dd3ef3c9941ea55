"""Memory that a step frees is what the next one needs: keep it."""

from __future__ import annotations

import ctypes

# <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST_BYTES = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell the C library not to give freed memory back to the system while this process trains on the CPU.

    Gradients and activations are freed and allocated again in every step. Large pieces go back to the system each
    time, which has to fill every page with zeros when they are asked for again.

    Returns:
        Whether it could be told: only glibc knows the setting (Linux).
    """
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 (elsewhere there may be a mallopt that means something else)
        set_ = library.mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(set_(_M_MMAP_THRESHOLD, _MOST_BYTES)) and bool(set_(_M_TRIM_THRESHOLD, _MOST_BYTES))
