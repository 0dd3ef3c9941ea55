"""Make folders while other processes make and remove the same ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")
_TRIALS = 30
_PAUSE_S = 0.0005


def while_folders_vanish(work: Callable[[], _Result]) -> _Result:
    """Call a function that makes folders and something in them; call it again if a folder vanishes meanwhile.

    To find out whether it can write into a folder, a process makes it and removes it again, if no other process has put
    something into it by then. Parts of a call that start at the same time do so with the same folder.

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
        except FileExistsError as error:  # of `Path.mkdir(exist_ok=True)`, if the folder has gone before it looks again
            if error.filename and os.path.lexists(error.filename) and not os.path.isdir(error.filename):  # noqa: PTH112
                raise
        time.sleep(trial * _PAUSE_S)
    return work()
