"""Run programs from several threads, and end all of them, with their child processes, at once."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from pix2style.system.programs import KILLED, kill_with_children


class Processes:
    """Running programs. Any thread may start one with `run`, and any thread may end all of them with `stop`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, arguments: Sequence[str], stderr: Path, timeout_s: float | None) -> int | None:
        """Run a program until it ends, without a shell and without input.

        Args:
            arguments: Program and arguments.
            stderr: File for the program's stderr; its stdout is discarded.
            timeout_s: Time after which the program is killed with its child processes, in seconds; None for no limit.

        Returns:
            The exit code, which is the negative number of a signal if one ended the program (also after `stop`); None
            if the time limit was reached.

        Raises:
            OSError: If the program cannot be started.
        """
        # Start and registration happen under the lock, so that `stop` cannot miss a program that is being started.
        with stderr.open("wb") as stderr_file, self._lock:
            if self._stopped:
                return KILLED
            # A session of its own makes a process group of its own, so that child processes can be killed too.
            process = subprocess.Popen(  # noqa: S603 - the user's own command, split, without a shell
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr_file,
                start_new_session=True,
            )
            self._running.add(process)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill(process)  # after a time limit or an exception in this thread; a program that has ended is left alone
            process.wait()
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """Kill all running programs with their process groups, and start no more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Only a process that nobody has waited for: the system cannot have given its number to another process yet.
    if process.poll() is None:
        kill_with_children(process)
