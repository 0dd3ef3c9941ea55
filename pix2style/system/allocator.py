"""Keep freed memory in the process, where the same memory is allocated again and again."""

from __future__ import annotations

import ctypes

# Parameters of mallopt, from <malloc.h>.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_THRESHOLD = 2**31 - 1


def keep_freed_memory(most_bytes: int = _LARGEST_THRESHOLD) -> bool:
    """Tell the C library not to return freed memory to the operating system.

    In every step of a training on the CPU, and for every photo of a server, the same memory is freed and allocated
    again. By default large blocks are returned to the system each time, which then fills every page with zeros before
    the process gets it again.

    Args:
        most_bytes: Blocks above this size are still returned, and so is free memory above this size where it lies at
            the end.

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
    return bool(mallopt(_M_MMAP_THRESHOLD, most_bytes)) and bool(mallopt(_M_TRIM_THRESHOLD, most_bytes))
