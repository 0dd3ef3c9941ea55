"""Places with which a test decides what happens to the workers that read from them. Workers import this module."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pix2style.cluster.local_place import LocalPlace


class HoldPlace(LocalPlace):
    """A folder whose readers wait for a file, and die at a photo.

    Args:
        root: Path of the folder.
        holding: Folder in which each process that reads makes a file with its number, before it waits for a file `go`.
        poison: Name of the photo whose readers die; empty for none.
    """

    def __init__(self, root: Path, holding: Path, poison: str = "") -> None:
        super().__init__(root)
        self._holding, self._poison = holding, poison

    def read(self, name: str) -> bytes:
        (self._holding / str(os.getpid())).touch()
        while not (self._holding / "go").exists():
            time.sleep(0.02)
        if name == self._poison:
            os._exit(9)
        return super().read(name)
