"""Write a folder that appears only when it is complete."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import locked


@contextlib.contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """Provide a hidden folder next to `out`, which is renamed to `out` if the block succeeds and deleted otherwise.

    What a killed process leaves behind is deleted by the next one with the same `out`.

    Raises:
        DataError: `out` exists and is not empty, another process is writing it, or it cannot be written.
    """
    _check_new(out)
    unfinished = out.parent / f".{out.name}.unfinished"
    busy = DataError(f"{out}: another process is writing there: wait for it, or choose another folder")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        with locked(unfinished, busy):
            _clear(unfinished)
            try:
                yield unfinished
                if out.is_dir():
                    out.rmdir()  # it is empty; Windows does not rename a folder to one that exists
                unfinished.replace(out)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}: nothing was kept") from error


def _check_new(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: exists already: choose a new folder, or delete it first")
    if not out.name or out.name == "..":
        raise DataError(f"{out}: is not the name of a new folder: choose a new folder")


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
