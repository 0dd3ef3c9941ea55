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
