"""Keep freed memory in the process, because each training step allocates the same memory again."""

from __future__ import annotations

import ctypes

# Parameters of mallopt, from <malloc.h>.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_THRESHOLD = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell the C library not to return freed memory to the operating system, for training on the CPU.

    Gradients and activations are freed and allocated again in every step. By default large blocks are returned to the
    system each time, which then fills every page with zeros before the process gets it again.

    Returns:
        Whether the setting was accepted. Only glibc (Linux) has it.
    """
    try:
        library = ctypes.CDLL(None)
        # Other C libraries may have a function of the same name with another meaning: make sure that it is glibc.
        library.gnu_get_libc_version  # noqa: B018
        mallopt = library.mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)) and bool(mallopt(_M_TRIM_THRESHOLD, _LARGEST_THRESHOLD))
