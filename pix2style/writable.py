"""Find out before long work whether its result can be written."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pix2style.errors import DataError, Pix2StyleError
from pix2style.folders import while_folders_vanish

# More than a file system stores beside the file's name, so that a full disk is found.
_PROBE = bytes(64 << 10)


def check_can_write(path: Path, error: type[Pix2StyleError] = DataError) -> None:
    """Check that a file can be written, by writing another one into its folder. Nothing is left behind.

    Args:
        path: File that will be written. Its folder need not exist.
        error: Class of the error to raise.

    Raises:
        Pix2StyleError: The path is a folder, or the file cannot be written. The message says why.
    """
    try:
        if path.is_dir():
            raise error(f"{path}: is a folder: name a file in it")
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)  # a name that is too long
        _probe(path.parent)
    except (OSError, ValueError) as caught:
        raise _cannot_write(path, caught, error) from caught


def check_can_write_folder(path: Path, error: type[Pix2StyleError] = DataError) -> None:
    """Check that files can be written into a folder, which need not exist. Nothing is left behind.

    Raises:
        Pix2StyleError: The path is a file, or nothing can be written there. The message says why.
    """
    try:
        _probe(path)
    except (OSError, ValueError) as caught:
        raise _cannot_write(path, caught, error) from caught


def _cannot_write(path: Path, caught: OSError | ValueError, error: type[Pix2StyleError]) -> Pix2StyleError:
    reason = getattr(caught, "strerror", None) or caught
    return error(f"{path}: cannot be written ({reason}): name another place, or make room there")


def _probe(folder: Path) -> None:
    while_folders_vanish(lambda: _write_and_remove(folder))


def _write_and_remove(folder: Path) -> None:
    """Make the missing folders and a file in them, and remove all of it again."""
    made: list[Path] = []
    try:
        for missing in reversed([parent for parent in (folder, *folder.parents) if not parent.exists()]):
            missing.mkdir(exist_ok=True)
            made.append(missing)
        probe = folder / f".pix2style-{os.urandom(8).hex()}.partial"
        try:
            probe.write_bytes(_PROBE)
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()
    finally:
        for made_folder in reversed(made):
            with contextlib.suppress(OSError):  # another process uses it by now
                made_folder.rmdir()
