"""Make and rename folders and files while other programs use the same ones."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_Result = TypeVar("_Result")
_TRIALS = 30
_PAUSE_S = 0.0005
_TRIALS_IN_USE, _PAUSE_IN_USE_S = 20, 0.1
_FILES_OF_FILE_MANAGERS = frozenset((".DS_Store", "desktop.ini", "Thumbs.db"))


def is_left_by_a_file_manager(path: Path) -> bool:
    """Return whether Finder or Explorer has put a file into a folder, which a person takes for empty."""
    return path.name in _FILES_OF_FILE_MANAGERS


def make_real_folder(path: Path) -> None:
    """Make a folder for this program's own files, unless it is there, with the folders above it.

    Whatever else lies in such a folder is removed. A link could lead to a folder of somebody else's files.

    Raises:
        OSError: The folder cannot be made, or a link has its name.
    """
    path.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, f"{path.name} is a link and no folder: remove the link", str(path))


def publish_folder(unfinished: Path, out: Path) -> None:
    """Give a complete folder its name.

    Args:
        unfinished: The folder, on the same disk as the folder that `out` lies in.
        out: Its path, which is no link. If there is a folder already, it holds nothing but files of file managers.

    Raises:
        OSError: `out` cannot be replaced.
    """
    if out.is_dir():
        # A mounted folder cannot be replaced. Not `Path.is_mount`, which mypy does not know on Windows.
        if os.path.ismount(out):
            import shutil  # here, because `infer` imports this module and has no need of it

            for path in unfinished.iterdir():
                shutil.move(path, out / path.name)
            unfinished.rmdir()
            return
        for path in out.iterdir():
            if is_left_by_a_file_manager(path):
                path.unlink()
        out.rmdir()  # Windows does not rename over a folder, not even over an empty one
    unfinished.rename(out)


def while_in_use(work: Callable[[], _Result]) -> _Result:
    """Call a function that renames; on Windows, call it again while another program has the file open.

    Programs that look for viruses or index files, and viewers, open new files for a moment.

    Raises:
        OSError: The function raised it, for two seconds or for another reason.
    """
    if sys.platform == "win32":
        for _ in range(_TRIALS_IN_USE):
            try:
                return work()
            except PermissionError:
                time.sleep(_PAUSE_IN_USE_S)
    return work()


def while_folders_vanish(work: Callable[[], _Result]) -> _Result:
    """Call a function that makes folders and something in them; call it again if a folder vanishes meanwhile.

    To check that it can write into a folder, a process makes the folder and removes it again if it is still empty.
    Parts of a call that start at the same time do so with the same folder.

    Args:
        work: The function. It may be called several times.

    Raises:
        OSError: The function raised it, and not because a folder vanished.
    """
    for trial in range(_TRIALS):
        try:
            return work()
        except FileNotFoundError:
            pass
        except FileExistsError as error:  # `Path.mkdir(exist_ok=True)` raises it if the folder vanishes meanwhile
            if error.filename and os.path.lexists(error.filename) and not os.path.isdir(error.filename):  # noqa: PTH112
                raise
        time.sleep(trial * _PAUSE_S)
    return work()
