"""The front process's side of a worker process: start it, send it a job, wait for its answers, and kill it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import multiprocessing
import multiprocessing.util
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from pix2style.serve.messages import head_of, receive_from
from pix2style.serve.worker_entry import WorkerSettings, run

_PRELOADED = "pix2style.serve.preload"
_JOIN_S = 5.0
_VARIABLES = {
    # Threads of numpy: each core has a worker already.
    "OMP_NUM_THREADS": "1",
    # Thresholds of glibc, in bytes: up to 64 MiB of memory of one picture are kept for the next one. Otherwise each
    # picture of 0.3 megapixels would cause 580 page faults.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 26),
}
# The address of a socket has at most 103 bytes on macOS, and multiprocessing appends 34 to the temporary folder.
_LONGEST_FOLDER_BYTES = 65
_SHORT_FOLDER = "/tmp"  # noqa: S108 - the socket lies in a folder of its own below it, which only this user can open
_starting = threading.Lock()
_running: set[Any] = set()


def prepare_workers() -> None:
    """Start the process from which workers are forked. Call this early: the process loads its libraries meanwhile.

    Where processes cannot be forked, as on Windows, nothing is started.
    """
    if sys.platform != "win32":
        from multiprocessing import forkserver

        with _starting, _environment():
            _choose_folder()
            multiprocessing.get_context("forkserver").set_forkserver_preload([_PRELOADED])
            forkserver.ensure_running()


def _choose_folder() -> None:
    """Let multiprocessing put its socket into a folder with a short path if the temporary folder's is too long."""
    if len(os.fsencode(tempfile.gettempdir())) > _LONGEST_FOLDER_BYTES:
        usual, tempfile.tempdir = tempfile.tempdir, _SHORT_FOLDER
        try:
            multiprocessing.util.get_temp_dir()  # makes the folder and keeps it for later
        finally:
            tempfile.tempdir = usual


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Set variables for processes that are started in the block, unless the environment has them already."""
    added = {name: value for name, value in _VARIABLES.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


class WorkerProcess:
    """A worker process. All methods belong to the asyncio loop of the front process.

    Attributes:
        pid: Id of the process.
        memory_bytes: The most memory that it has taken, as reported with its last answer.
    """

    def __init__(self, process: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self.pid: int = process.pid
        self.memory_bytes = 0
        _running.add(process)

    @classmethod
    async def start(cls, settings: WorkerSettings) -> WorkerProcess:
        """Start a worker. It is ready when its first message has arrived.

        Raises:
            OSError, EOFError, RuntimeError: The system cannot start another process or thread.
        """
        ours, theirs = socket.socketpair()
        starting = asyncio.create_task(asyncio.to_thread(_start_process, theirs, settings))
        try:
            # A thread cannot be cancelled, and it needs the socket until it is done.
            process = await asyncio.shield(starting)
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            with contextlib.suppress(OSError, EOFError, RuntimeError):
                (await starting).kill()
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, reader, writer)

    def send(self, values: Mapping[str, Any], data: bytes) -> None:
        """Send a message without waiting; bytes that the system does not accept at once are sent later."""
        self._writer.write(head_of(values, data))
        self._writer.write(data)

    async def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for the next message.

        Raises:
            ConnectionEndedError: The worker has ended.
        """
        return await receive_from(self._reader)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    async def end(self, within_s: float = 0.0) -> int | None:
        """Close the connection, which ends an idle worker, kill it if it has not ended in time, and clean up.

        Returns:
            Its exit code; negative numbers are those of signals. None if it is not known.
        """
        with contextlib.suppress(OSError):
            self.send({"end": True}, b"")
        self._writer.close()
        return await asyncio.to_thread(self._reap, within_s)

    def _reap(self, within_s: float) -> int | None:
        self._process.join(within_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_JOIN_S)
        code: int | None = self._process.exitcode
        _running.discard(self._process)
        return code


def describe_end(code: int | None) -> str:
    """Return in words how a process has ended."""
    if code is None or code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"


def _kill_running() -> None:
    """Kill the workers of a program that ends without `WorkerPool.stop`.

    Otherwise multiprocessing would send them a signal that they ignore, and wait for them.
    """
    for process in list(_running):
        process.kill()


atexit.register(_kill_running)  # handlers run in reverse order, so this one before that of multiprocessing.util


def _start_process(connection: socket.socket, settings: WorkerSettings) -> Any:
    prepare_workers()
    context: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    with _starting, _without_main_module():
        process = context.Process(target=run, args=(connection, settings), name="pix2style worker", daemon=True)
        process.start()
    return process


@contextlib.contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep processes that are started in the block from importing the main module of this process.

    They do not use the main module, and importing it would cost time and memory. If it is a script without
    `if __name__ == "__main__"`, the import would even start everything again.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
