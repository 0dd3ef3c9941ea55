"""Turn errors of FFmpeg and of the system, while a clip is written, into messages for people."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import DataError
from pix2style.printable import one_line


@contextlib.contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Name the file and say how to go on, if the block cannot write it.

    Raises:
        DataError: The disk is full, the folder is read-only, or the like; or the container refuses a packet.
    """
    from av.error import FFmpegError

    try:
        yield
    except (FFmpegError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            advice = (
                "free disk space there or remove the cause, and run the same command again, which keeps the finished"
                " parts of the clip"
            )
        else:
            advice = "FFmpeg refuses something in the clip for this container: choose another suffix, such as .mkv"
        raise DataError(f"{path}: cannot be written ({one_line(error.strerror or error)}): {advice}") from error


@contextlib.contextmanager
def explain_encoder_errors(path: Path, encoder: str, size_px: tuple[int, int]) -> Iterator[None]:
    """Name the encoder, if it fails in the block.

    Raises:
        DataError: The encoder refuses the size, or fails.
    """
    from av.error import FFmpegError

    try:
        yield
    except FFmpegError as error:
        raise DataError(
            f"{path}: {encoder} cannot encode frames of {size_px[0]}x{size_px[1]} pixels"
            f" ({one_line(error.strerror or error)}): choose another --codec or size"
        ) from error
