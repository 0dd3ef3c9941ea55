"""A folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import locked


@contextlib.contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """Give a hidden folder beside `out`; it becomes `out` if the block ends well, and is removed if not.

    What a killed process left is removed by the next one with the same `out`.

    Raises:
        DataError: `out` holds something, another process is making it, or it cannot be written.
    """
    check_new(out)
    work = out.parent / f".{out.name}.unfinished"
    try:
        work.mkdir(parents=True, exist_ok=True)
        with locked(work, DataError(f"{out}: another process is writing there: wait for it, or name another folder")):
            _clear(work)
            try:
                yield work
                work.replace(out)
            except BaseException:
                shutil.rmtree(work, ignore_errors=True)
                raise
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}: nothing was kept") from error


def check_new(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        DataError: with what to do.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: exists already: name a new folder, or delete it first")
    if not out.name or out.name == "..":
        raise DataError(f"{out}: name a new folder")


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
