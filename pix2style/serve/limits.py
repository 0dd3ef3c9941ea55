"""Limits of the server, so that no client can fill the memory or occupy the processor without end."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class ServeLimits:
    """Limits of requests and of the workers behind them.

    Attributes:
        body_bytes: Largest body of a request.
        body_s: Seconds within which a body has to arrive.
        pixels: Most pixels of a picture, of all its frames or pages together. They are counted from the headers, before
            anything is decoded.
        job_s: Seconds that a job may take, waiting for a worker included.
        queue: Number of jobs that may wait for each worker.
        queue_bytes: Total size of the pictures that wait. A single picture may be larger.
        memory_bytes: Memory that one worker may take; 0 for no limit. Only Linux enforces it.
    """

    body_bytes: int = 25 * _MB
    body_s: float = 30.0
    pixels: int = 50 * _MB
    job_s: float = 60.0
    queue: int = 16
    queue_bytes: int = 400 * _MB
    memory_bytes: int = 2_000 * _MB
