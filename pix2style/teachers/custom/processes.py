"""Programs that are running, each with its children, so that all of them can be ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path


class Processes:
    """Runs programs from several threads, until one of them says stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, arguments: Sequence[str], stderr: Path, timeout_s: float | None) -> int | None:
        """Run a program to its end, without a shell, without input, in a process group of its own.

        Args:
            arguments: program first.
            stderr: file for what it says there; its stdout is dropped.
            timeout_s: then it is killed, with all of its group.

        Returns:
            Its exit code, negative for a signal (also after `stop`); None: the time was over.

        Raises:
            OSError: it cannot be started.
        """
        with stderr.open("wb") as said, self._lock:
            if self._stopped:
                return -signal.SIGKILL
            process = subprocess.Popen(  # noqa: S603 - the user's own command, split, without a shell
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
            )
            self._running.add(process)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill(process)
            process.wait()
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """Kill every program that is running, with its group; start no more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Only one that was not waited for yet: its number cannot have become another process's.
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
