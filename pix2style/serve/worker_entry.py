"""Where a worker process begins. The front process imports this module, too, so it imports nothing by itself."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from pix2style.serve.limits import ServeLimits
from pix2style.serve.served_filters import ServedFilters

_MOMENT_S = 0.1


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
    from pix2style.serve.worker import clean_up_after_front, run_worker

    run_worker(connection, settings)
    # The connection of a front process that was killed may be seen to end before its process is.
    clean_up_after_front(_MOMENT_S)
