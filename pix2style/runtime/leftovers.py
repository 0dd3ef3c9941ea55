"""Remove the unfinished files that a killed call has left beside its outputs."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pix2style.files import KEPT_OF_NAME
from pix2style.folders import while_folders_vanish
from pix2style.path_list import PathList
from pix2style.system.locks import is_alone, open_lock, try_lock
from pix2style.writable import check_can_write_folder

_LEFTOVER = re.compile(r"\.(.+)\.[0-9a-f]{16}\.partial", re.DOTALL)
# If locks cannot tell whether other processes work in a folder, only unfinished files are removed that have not changed
# for this time: writing an image takes seconds, and joining a clip minutes.
_SURELY_OLD_S = 3600.0


@contextlib.contextmanager
def working_in(out: Path, targets: PathList) -> Iterator[None]:
    """Make OUT, check that it can be written, and hold a lock on it, shared with other parts, while the block runs.

    Args:
        out: Folder of the outputs. If the block has put nothing into it, it is removed again.
        targets: The outputs of all parts, for `remove_leftovers`, which is called at the end.

    Raises:
        DataError: OUT cannot be written.
    """
    missing = [folder for folder in (out, *out.parents) if not os.path.lexists(folder)]
    try:
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError, ValueError):  # the check below reports what is wrong
                stack.callback(os.close, while_folders_vanish(lambda: _lock(out)))
            check_can_write_folder(out)
            yield
    finally:
        remove_leftovers(out, targets)
        for folder in missing:
            with contextlib.suppress(
                OSError, ValueError
            ):  # it is not empty, or another process may be about to write into it
                _remove_empty(folder)


def _lock(out: Path) -> int:
    """Open and lock a folder, which is made if needed."""
    out.mkdir(parents=True, exist_ok=True)
    handle = open_lock(out)
    # A part that has just ended may be looking for leftovers, or has removed the folder because nothing was in it.
    if not try_lock(handle, shared=True) or not _is_same(handle, out):
        os.close(handle)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(out))
    return handle


def _is_same(handle: int, folder: Path) -> bool:
    # On Windows another file is locked in place of the folder.
    return sys.platform == "win32" or os.path.samestat(os.fstat(handle), folder.stat())


def _remove_empty(folder: Path) -> None:
    handle = open_lock(folder)
    try:
        if is_alone(handle) is not False:
            folder.rmdir()
    finally:
        os.close(handle)


def remove_leftovers(out: Path, targets: PathList) -> None:
    """Remove unfinished files of some outputs, which killed calls have left, unless other processes work in OUT.

    If several parts run at once, the last one removes these files of all parts.

    Args:
        out: Folder of the outputs.
        targets: The outputs of all parts.
    """
    with contextlib.suppress(OSError, ValueError):
        handle = open_lock(out)
        try:
            _remove(targets, alone=bool(is_alone(handle)))
        finally:
            os.close(handle)


def _remove(targets: PathList, *, alone: bool) -> None:
    leftovers = [item for number, folder in enumerate(targets.folders) for item in _leftovers(number, folder)]
    if not leftovers:
        return
    begun = {(targets.number(position), targets.name(position)[:KEPT_OF_NAME]) for position in range(len(targets))}
    for number, name, path in leftovers:
        with contextlib.suppress(OSError):  # another process has removed it
            if (number, name) in begun and (alone or time.time() - path.stat().st_mtime > _SURELY_OLD_S):
                path.unlink()


def _leftovers(number: int, folder: str) -> Iterator[tuple[int, str, Path]]:
    """Yield the unfinished files in a folder: its number, the beginning of the name of the output, and the path."""
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            if match := _LEFTOVER.fullmatch(entry.name):
                yield number, match[1], Path(folder, entry.name)
