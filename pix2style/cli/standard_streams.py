"""Standard streams: none is missing, and `-` means one of them only where a command says so."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from pix2style.errors import ConfigError, DataError
from pix2style.progress import print_note
from pix2style.system.streams import set_binary

STREAM = Path("-")
"""What a path is that means standard input or standard output; see `stream_or_path`."""
INPUT_NAME, OUTPUT_NAME = "standard input", "standard output"
# Commands in which `-o -` is standard output.
_WRITING_COMMANDS = ("infer",)
# Larger than any picture that is decoded; an endless pipe must not fill the memory.
_MOST_INPUT_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 20


def open_missing_streams() -> None:
    """Open the null device in place of standard streams that were closed (`2>&-`).

    Otherwise the next file that is opened would get the number of the stream, and C libraries would write into it.
    """
    for number in range(3):
        if not _is_usable(number):
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)  # also if both are equal, which they are if the number is free
            os.set_inheritable(number, True)
            if null != number:
                os.close(null)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the program ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _is_usable(number: int) -> bool:
    try:
        os.fstat(number)
        if number:
            os.write(number, b"")  # fails where another file that is open for reading got the number
    except OSError as error:
        return error.errno == errno.ENOSPC  # a full disk is none of its faults: writing says so
    return True


def refuse_standard_output(arguments: Sequence[str]) -> None:
    """Check that no argument names standard output, so that no file or folder called `-` is made.

    Raises:
        ConfigError: The value of `-o` or `--out` is `-`, and the command cannot write there.
    """
    if next((word for word in arguments if not word.startswith("-")), "") in _WRITING_COMMANDS:
        return
    for option, value in pairwise([*arguments, ""]):
        if (option in ("-o", "--out") and value == "-") or option in ("-o-", "-o=-", "--out=-"):
            raise ConfigError("--out -: writing to standard output is not possible: name a file or a folder")


def stream_or_path(text: str) -> Path:
    """Return a path from the command line: `STREAM` for `-` alone, and an absolute path for a file of that name."""
    path = Path(text)
    return path.absolute() if path == STREAM and text != "-" else path


def read_standard_input() -> bytes:
    """Return what is piped into the program, up to its end.

    Raises:
        ConfigError: Nothing is: standard input is a terminal, or closed.
        DataError: It is empty or has no end.
    """
    stream, chunks, size = _open_input("pipe an image into it, for example by < photo.jpg"), [], 0
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > _MOST_INPUT_BYTES:
                raise DataError(f"{INPUT_NAME}: is no image: it has more than {_MOST_INPUT_BYTES / 1e9:.1f} GB")
    except OSError as error:
        raise DataError(f"{INPUT_NAME}: cannot be read: {error.strerror or error}") from error
    if not size:
        raise DataError(f"{INPUT_NAME}: is empty: pipe an image into it")
    return b"".join(chunks)


@contextlib.contextmanager
def open_list(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """Open a list of files, or standard input for `STREAM`; give it with its name for messages.

    Raises:
        DataError: It cannot be opened.
        ConfigError: Standard input is closed.
    """
    if path == STREAM:
        if sys.stdin is not None and sys.stdin.isatty():
            print_note("type the names of photos, one on each line, and end with Ctrl-D (on Windows Ctrl-Z and Enter)")
            yield sys.stdin.buffer, INPUT_NAME
            return
        yield _open_input(), INPUT_NAME
        return
    try:
        with path.open("rb") as stream:
            yield stream, str(path)
    except OSError as error:
        raise DataError(f"--files-from {path}: cannot be read: {error.strerror or error}") from error


def _open_input(if_terminal: str = "") -> BinaryIO:
    """Return standard input as a stream of bytes, and refuse a terminal where `if_terminal` says what to do."""
    if sys.stdin is None:
        raise ConfigError(f"-: {INPUT_NAME} is closed: pipe something into it, or name a file")
    if if_terminal and sys.stdin.isatty():
        raise ConfigError(f"-: {INPUT_NAME} is a terminal: {if_terminal}")
    with contextlib.suppress(OSError, ValueError):  # no descriptor where a program has replaced the stream
        set_binary(sys.stdin.fileno())
    return sys.stdin.buffer


def check_can_take_image() -> None:
    """Check that an image can be written to standard output.

    Raises:
        ConfigError: It is a terminal, or closed.
    """
    if sys.stdout.isatty():
        raise ConfigError(f"-o -: {OUTPUT_NAME} is a terminal: redirect it, for example by > stylized.png")
    if getattr(sys.stdout, "name", "") == os.devnull:  # see `open_missing_streams`
        raise ConfigError(f"-o -: {OUTPUT_NAME} is closed: redirect it to a file, or name a file as OUT")


@contextlib.contextmanager
def keep_for_image() -> Iterator[BinaryIO]:
    """Give standard output as a stream of bytes. Whatever else is printed in the block goes to stderr.

    Raises:
        DataError: Nobody reads it any more, or it cannot be written.
    """
    sys.stdout.flush()
    original = os.dup(1)
    set_binary(original)
    os.dup2(2, 1)
    try:
        with open(original, "wb", closefd=False) as stream:
            yield stream
    except BrokenPipeError as error:
        raise DataError(f"{OUTPUT_NAME}: was closed before the whole image was written") from error
    except OSError as error:
        raise DataError(f"{OUTPUT_NAME}: cannot be written: {error.strerror or error}") from error
    finally:
        sys.stdout.flush()
        os.dup2(original, 1)
        os.close(original)
