"""Where a worker process begins. The front process imports this module, too, so it imports nothing by itself."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from pix2style.serve.limits import ServeLimits
from pix2style.serve.served_filters import ServedFilters


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker has to know.

    Attributes:
        filters: The filters that it may be asked for.
        limits: What it may take.
        threads: Threads of ONNX Runtime.
        checks_files: Whether it loads every filter that does not come with pix2style before it says that it is ready.
    """

    filters: ServedFilters
    limits: ServeLimits
    threads: int
    checks_files: bool


def run(connection: socket.socket, settings: WorkerSettings) -> None:
    """Run a worker; see `worker.run_worker`."""
    from pix2style.serve.worker import run_worker

    run_worker(connection, settings)
