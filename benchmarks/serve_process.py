"""Start `pix2style serve` for a measurement, and find out what it uses and what it leaves behind. Linux only."""

from __future__ import annotations

import contextlib
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
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
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
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users have bytecode
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

    def processes(self) -> list[int]:
        """Return the ids of all living processes that this server started, also of those whose parent is gone."""
        mark = f"{_MARK}={self._mark}".encode()
        marked = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0") and _stat(int(folder.name))[0] != "Z":
                    marked.append(int(folder.name))
        return marked

    def workers(self) -> list[int]:
        """Return the ids of the processes that stylize: those without children that have loaded ONNX Runtime."""
        processes = self.processes()
        parents = {_parent(pid) for pid in processes}
        return [pid for pid in processes if pid != self.process.pid and pid not in parents and _has_runtime(pid)]

    def usage(self) -> Usage:
        """Return what the processes use now."""
        front, processes = self.process.pid, self.processes()
        used_mb = {pid: _memory_mb(pid) for pid in processes}
        front_mb = used_mb.get(front, 0.0)
        open_files = len(list(Path(f"/proc/{front}/fd").iterdir()))
        return Usage(front_mb, sum(used_mb.values()) - front_mb, len(processes), open_files)

    def cpu_s(self) -> tuple[float, float]:
        """Return the processor seconds of the process that answers, and those of all others."""
        used_s = {pid: _cpu_s(pid) for pid in self.processes()}
        front_s = used_s.pop(self.process.pid, 0.0)
        return front_s, sum(used_s.values())

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


def _has_runtime(pid: int) -> bool:
    try:
        return "onnxruntime" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    except OSError:
        return False


def _memory_mb(pid: int) -> float:
    """Return the memory of a process; what it shares with others counts in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return int(text.partition("\nPss:")[2].split()[0]) * 1024 / 1e6


def _stat(pid: int) -> list[str]:
    """Return the fields of a process from its state on; see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except OSError:
        return 0


def _cpu_s(pid: int) -> float:
    try:
        return sum(map(int, _stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def _shared_memory() -> set[str]:
    folder = Path("/dev/shm")  # noqa: S108
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
