"""Open files without waiting, reserve disk space, and make renames last."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

OPEN_WITHOUT_WAITING: int = getattr(os, "O_NONBLOCK", 0)
"""Flag for `os.open` that keeps it from waiting for a pipe's other end. Windows has no pipes in the file system."""
_ZEROS = bytes(1 << 20)


def reserve(stream: BinaryIO, size_bytes: int) -> None:
    """Give an empty file a size, and the disk space for it, so that writing to it later cannot fail.

    Raises:
        OSError: The disk is full, or the file cannot be written.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(stream.fileno(), 0, size_bytes)
        except OSError as error:
            # Some C libraries do not fill the gap that a file system leaves.
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise
        else:
            return
    # macOS and Windows: written zeros take their space. A size that is only set does not.
    stream.seek(0)
    stream.writelines(_ZEROS[: size_bytes - start] for start in range(0, size_bytes, len(_ZEROS)))
    stream.flush()


def sync_folder(folder: Path) -> None:
    """Make sure that renames inside a folder survive a power failure. Windows does that by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
