"""Remove the unfinished files that a killed call has left beside its outputs."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pix2style.files import KEPT_OF_NAME, MACHINE_DIGITS
from pix2style.folders import while_folders_vanish
from pix2style.path_list import PathList
from pix2style.system.locks import is_alone, open_lock, try_lock
from pix2style.writable import check_can_write_folder

_LEFTOVER = re.compile(r"\.(.+)\.([0-9a-f]{4})[0-9a-f]{12}\.partial", re.DOTALL)
# Where locks do not say whether other processes work in a folder, files that nobody has written to for so long are
# left over: an animation is written only when all its frames are stylized, which may take hours.
_SURELY_OLD_S = 86_400.0
# Others hold the lock alone only while they remove some files; a folder that is locked for longer is that of a run.
_TRIALS, _PAUSE_S = 200, 0.01


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
            # It stays if it is not empty, or if another process may be about to write into it.
            with contextlib.suppress(OSError, ValueError):
                _remove_empty(folder)


def _lock(out: Path) -> int:
    """Open and lock a folder, which is made if needed."""
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        handle = open_lock(out)
        stack.callback(os.close, handle)
        _share(handle)
        # A part that has just ended may have removed the folder because nothing was in it. On Windows another file is
        # locked in place of the folder.
        if sys.platform != "win32" and not os.path.samestat(os.fstat(handle), out.stat()):
            raise FileNotFoundError(out)
        stack.pop_all()
    return handle


def _share(handle: int) -> None:
    """Lock an open folder together with other parts, and wait for one that is removing leftovers."""
    for _ in range(_TRIALS):
        if try_lock(handle, shared=True):
            return
        time.sleep(_PAUSE_S)
    raise BlockingIOError


def _remove_empty(folder: Path) -> None:
    handle = open_lock(folder)
    try:
        if is_alone(handle) is not False:
            folder.rmdir()
    finally:
        os.close(handle)


def remove_leftovers(out: Path, targets: PathList) -> None:
    """Remove unfinished files of some outputs, which killed calls have left, unless other processes work in OUT.

    If several parts run at once on a machine, the last one removes these files of all of them.

    Args:
        out: Folder of the outputs.
        targets: The outputs of all parts.
    """
    # Listed before the lock is asked for: what a part begins while this one holds it is not in the list.
    unfinished = _unfinished(targets)
    if not unfinished:
        return
    with contextlib.suppress(OSError, ValueError):
        handle = open_lock(out)
        try:
            alone = is_alone(handle)
            for path, is_own in unfinished:
                with contextlib.suppress(OSError):  # it has been finished
                    if _is_left(path, alone=alone, is_own=is_own):
                        path.unlink()
        finally:
            os.close(handle)


def _is_left(path: Path, *, alone: bool | None, is_own: bool) -> bool:
    """Return whether nobody is going to finish a file.

    Args:
        path: The file.
        alone: Whether no other process works in the folder; None if that is not known.
        is_own: Whether this machine began it. The lock does not tell of others: on most network file systems, locks of
            folders are those of one machine.
    """
    if alone is False:
        return False
    return (bool(alone) and is_own) or time.time() - path.stat().st_mtime > _SURELY_OLD_S


def _unfinished(targets: PathList) -> list[tuple[Path, bool]]:
    """Return the unfinished files of some outputs, each with whether this machine began it."""
    found = [item for number, folder in enumerate(targets.folders) for item in _in_folder(number, folder)]
    if not found:
        return []
    begun = {(targets.number(position), targets.name(position)[:KEPT_OF_NAME]) for position in range(len(targets))}
    return [
        (Path(targets.folders[number], entry), machine == MACHINE_DIGITS)
        for number, name, machine, entry in found
        if (number, name) in begun
    ]


def _in_folder(number: int, folder: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield what the names of unfinished files say: output, machine; with the folder's number and the whole name."""
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            if match := _LEFTOVER.fullmatch(entry.name):
                yield number, match[1], match[2], entry.name
