"""Lock files and folders for this process. The system releases a lock even if the process is killed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib
import os
from pathlib import Path
from typing import Any

from pix2style.system import windows

# Folder, below the system's folder for temporary files, of the lock files that stand for locked folders on Windows.
_LOCK_FOLDER = "pix2style-locks"


def _optional_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_fcntl = _optional_module("fcntl")


def open_lock(folder: Path) -> int:
    """Return an open file that `try_lock` and `wait_for_lock` can lock in place of a folder.

    Linux and macOS lock the folder itself. Windows cannot open folders: there it is an empty file among the temporary
    files, whose name is a digest of the folder's path.
    """
    if _fcntl is not None:
        return os.open(folder, os.O_RDONLY)
    import tempfile  # it imports much

    locks = Path(tempfile.gettempdir()) / _LOCK_FOLDER
    locks.mkdir(exist_ok=True)
    name = hashlib.sha256(os.path.normcase(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return os.open(locks / name, os.O_RDWR | os.O_CREAT)


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file or folder until it is closed; return False if another process has locked it.

    Where the file system has no locks (some network file systems), it counts as locked: refusing to work would be
    worse, and users have to take care themselves that only one process writes.
    """
    if _fcntl is None:
        return windows.lock_file(handle, shared=shared, wait=False)
    try:
        _fcntl.flock(handle, (_fcntl.LOCK_SH if shared else _fcntl.LOCK_EX) | _fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def is_alone(handle: int) -> bool | None:
    """Lock an open folder until it is closed; return whether no other process has locked it.

    On most network file systems, as NFS of Linux, locks of folders are those of one machine, so that processes of
    others do not count. It is None where nothing is known: on Windows, and on file systems without locks of folders.
    """
    if _fcntl is None:
        return None
    try:
        _fcntl.flock(handle, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def wait_for_lock(handle: int) -> None:
    """Lock an open file or folder until it is closed, and wait while another process has locked it."""
    if _fcntl is None:
        windows.lock_file(handle, shared=False, wait=True)
        return
    with contextlib.suppress(OSError):  # a network file system without locks
        _fcntl.flock(handle, _fcntl.LOCK_EX)
