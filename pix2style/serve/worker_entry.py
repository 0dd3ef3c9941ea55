"""The function with which a worker process begins. The front process imports this module, too, so it is kept small."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from pix2style.serve.limits import ServeLimits
from pix2style.serve.served_filters import ServedFilters


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Settings of a worker.

    Attributes:
        filters: The filters that jobs may name.
        limits: Limits of jobs and of the worker's memory.
        threads: Threads of ONNX Runtime.
        checks_files: Whether it loads all filters that are not of the gallery, to check them, before it is ready.
        device: Where the filters run; see `runtime.devices`.
    """

    filters: ServedFilters
    limits: ServeLimits
    threads: int
    checks_files: bool
    device: str


def run(connection: socket.socket, settings: WorkerSettings) -> None:
    """Run a worker; see `worker.run_worker`."""
    from pix2style.serve.worker import run_worker

    run_worker(connection, settings)
