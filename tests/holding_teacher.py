"""A teacher for the command line that holds in the middle of its work, so that a test decides what comes next."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

WAIT_S = 300
_CODE = """
import pathlib, time
folder, calls = pathlib.Path(__file__).parent, []
def paint(photo):
    calls.append(1)
    while len(calls) >= HOLDS_AT and not (folder / "go").exists():
        (folder / "holds").touch()
        time.sleep(0.01)
    return 255 - photo
"""


class HoldingTeacher:
    """A teacher for `--teacher` that holds until `go` is called.

    Args:
        folder: Folder that is made for its code and its messages.
        holds_at: Number of the photo, from 1, before which it holds. Earlier batches are written by then, whatever the
            machine does meanwhile.
    """

    def __init__(self, folder: Path, holds_at: int = 20) -> None:
        folder.mkdir()
        self._folder = folder
        (folder / "holding.py").write_text(_CODE.replace("HOLDS_AT", str(holds_at)))
        self.options = ["--teacher", f"{folder / 'holding.py'}:paint"]

    def wait(self, process: subprocess.Popen[str]) -> None:
        """Wait until the teacher holds; fail if its process ends before."""
        deadline = time.monotonic() + WAIT_S
        while not (self._folder / "holds").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def go(self) -> None:
        """Let the teacher go on, now and in later processes."""
        (self._folder / "go").touch()
