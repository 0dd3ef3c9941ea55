"""Read files whole, without blocking and without filling the memory."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import ImageError, TooLargeImageError
from pix2style.images.reasons import NO_MEMORY, too_many_bytes
from pix2style.system.disk import OPEN_WITHOUT_WAITING

# Files with more bytes are refused before they are read. The largest pictures that are decoded have a third of that
# without compression; documents of several pages may have more, up to the most that an ordinary TIFF file can hold.
MAX_FILE_BYTES = 1 << 32


def read_image_file(path: Path, *, name: str | None = None) -> bytes:
    """Return the content of an image file, or raise an ImageError, about `name` or the path, if it cannot be read."""
    try:
        return read_file(path)
    except OSError as error:
        raise ImageError(name or str(path), error.strerror or str(error)) from error


def read_file(path: Path) -> bytes:
    """Return the content of a regular file, without ever blocking (reading a pipe named x.jpg would block).

    Raises:
        OSError: The path is not a regular file (but a pipe, device, socket or folder), or it cannot be read, or it has
            more than `MAX_FILE_BYTES` or does not fit in memory.
    """
    with open_file(path) as stream:
        check_size(stream, path)
        try:
            return stream.read()
        except MemoryError as error:
            raise OSError(errno.ENOMEM, NO_MEMORY, str(path)) from error


def check_size(stream: io.BufferedReader, path: Path) -> None:
    """Refuse an open file that is too large to be read whole.

    Raises:
        OSError: It has more than `MAX_FILE_BYTES`.
    """
    size = os.fstat(stream.fileno()).st_size
    if size > MAX_FILE_BYTES:
        raise OSError(errno.EFBIG, too_many_bytes(size, MAX_FILE_BYTES), str(path))


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; see `read_file`."""
    return open(path, "rb", opener=_regular_only)


def _regular_only(name: str, flags: int) -> int:
    # Open first and check the open file afterwards: a check before opening could see another file than the one that
    # is opened. The flag lets the open call return for a pipe that nobody writes to.
    handle = os.open(name, flags | OPEN_WITHOUT_WAITING)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    raise OSError(errno.EINVAL, "not a regular file", name)


@contextlib.contextmanager
def explain_memory_errors(name: str) -> Iterator[None]:
    """Turn an error about too little memory into one about the picture, so that callers go on with other pictures.

    Raises:
        TooLargeImageError: The block needed more memory than there is.
    """
    try:
        yield
    except MemoryError as error:
        raise TooLargeImageError(name, NO_MEMORY) from error
