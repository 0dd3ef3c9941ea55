"""Write a folder that appears only when it is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import DataError, Pix2StyleError
from pix2style.files import locked
from pix2style.folders import is_left_by_a_file_manager, make_real_folder, publish_folder


@contextlib.contextmanager
def atomic_folder(out: Path, error_type: type[Pix2StyleError] = DataError) -> Iterator[Path]:
    """Provide a hidden folder next to `out`, which is renamed to `out` if the block succeeds and deleted otherwise.

    If `out` is a link, the folder that it leads to is written. What a killed process leaves behind is deleted by the
    next one with the same `out`.

    Args:
        out: The folder; new or empty.
        error_type: Kind of error to raise.

    Raises:
        Pix2StyleError: `out` exists and is not empty, another process is writing it, or it cannot be written.
    """
    check_new_folder(out, error_type)
    named, out = out, Path(os.path.realpath(out))
    unfinished = out.parent / f".{out.name}.unfinished"
    busy = error_type(f"{named}: another process is writing there: wait for it, or choose another folder")
    try:
        make_real_folder(unfinished)
        with locked(unfinished, busy):
            _clear(unfinished)
            try:
                yield unfinished
                publish_folder(unfinished, out)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
    except OSError as error:
        raise error_type(f"{named}: cannot be written: {error.strerror or error}: nothing was kept") from error


def check_new_folder(out: Path, error_type: type[Pix2StyleError] = DataError) -> None:
    """Check that a folder is new or empty.

    Raises:
        Pix2StyleError: It holds something, is a file, or has no name.
    """
    if out.exists() and (not out.is_dir() or any(not is_left_by_a_file_manager(path) for path in out.iterdir())):
        raise error_type(f"{out}: exists already: choose a new folder, or delete it first")
    if not out.name or out.name == "..":
        raise error_type(f"{out}: is not the name of a new folder: choose a new folder")


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
