"""Start `pix2style serve` for a measurement, and see what it uses and what it leaves behind."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

_ROOT = Path(__file__).parents[1]
_MARK = "PIX2STYLE_BENCHMARK_MARK"


@dataclass(frozen=True)
class Usage:
    """What the processes of a server use at one time.

    Attributes:
        front_mb: Memory of the process that answers, in millions of bytes.
        workers_mb: Memory of all other processes together; what several of them share is counted once.
        processes: Number of processes.
        open_files: Open file descriptors of the process that answers.
    """

    front_mb: float
    workers_mb: float
    processes: int
    open_files: int


class ServerProcess:
    """A running `pix2style serve` whose working folder and folder of temporary files are its own.

    Attributes:
        folder: Holds the folders `work`, `tmp` and `home` of the server.
        port: Port that it listens on.
        start_s: Seconds from starting the process until `GET /readyz` was answered with 200.
    """

    def __init__(
        self,
        folder: Path,
        filters: Sequence[str] = (),
        options: Sequence[str] = (),
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port() if port is None else port
        self.start_s = 0.0
        self._mark = uuid.uuid4().hex
        self._command = [sys.executable, "-m", "pix2style", "serve", *filters, "--port", str(self.port), *options]
        self._environment = environment or {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for process in self.processes():
            process.kill()
        self._log.close()

    def start(self) -> None:
        """Start the server, and wait until it is ready.

        Raises:
            SystemExit: It ended instead.
        """
        for name in ("work", "tmp", "home"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "TMPDIR": str(self.folder / "tmp"),
            "HOME": str(self.folder / "home"),
            _MARK: self._mark,
            **self._environment,
        }
        self._log = (self.folder / "log.txt").open("ab")
        self.before_shm = _shared_memory()
        began_s = time.perf_counter()
        self.process = subprocess.Popen(
            self._command, stdout=self._log, stderr=self._log, cwd=self.folder / "work", env=environment
        )
        while not self._is_ready():
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.returncode}:\n{self.log()}")
            time.sleep(0.005)
        self.start_s = time.perf_counter() - began_s

    def log(self) -> str:
        """Return what the server has printed."""
        return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Return all living processes that this server started, also those whose parent is gone."""
        mark = f"{_MARK}={self._mark}".encode()
        marked = []
        for process in psutil.process_iter():
            try:
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
                if mark in environment.split(b"\0") and process.status() != psutil.STATUS_ZOMBIE:
                    marked.append(process)
            except (OSError, psutil.Error):
                continue
        return marked

    def workers(self) -> list[psutil.Process]:
        """Return the processes that stylize: those without children that have loaded ONNX Runtime."""
        return [process for process in self.processes() if process.pid != self.process.pid and _has_runtime(process)]

    def usage(self) -> Usage:
        """Return what the processes use now."""
        front_mb = workers_mb = 0.0
        processes = self.processes()
        for process in processes:
            try:
                used_mb = process.memory_full_info().pss / 1e6
            except psutil.Error:
                continue
            if process.pid == self.process.pid:
                front_mb = used_mb
            else:
                workers_mb += used_mb
        return Usage(front_mb, workers_mb, len(processes), psutil.Process(self.process.pid).num_fds())

    def leftovers(self) -> list[str]:
        """Return the names of files that the server has left in its folders and in shared memory."""
        files = [
            str(path.relative_to(self.folder))
            for name in ("work", "tmp", "home")
            for path in (self.folder / name).rglob("*")
            if not path.is_dir() or name == "tmp"
        ]
        return files + [
            f"/dev/shm/{name}"  # noqa: S108
            for name in sorted(_shared_memory() - self.before_shm)
        ]

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*?\}})? (\S+)$", text, re.MULTILINE))

    def _is_ready(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _has_runtime(process: psutil.Process) -> bool:
    try:
        return not process.children() and "onnxruntime" in Path(f"/proc/{process.pid}/maps").read_text()
    except (OSError, psutil.Error):
        return False


def _shared_memory() -> set[str]:
    folder = Path("/dev/shm")  # noqa: S108
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
