"""Numbers of jobs and workers, for metrics and readiness."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """Numbers of jobs and workers.

    Attributes:
        in_flight: Jobs that wait or are being done.
        queued: Those of them that wait for a worker.
        workers: Number of workers that the pool keeps running.
        workers_ready: Workers that do a job or wait for one.
        workers_replaced: Workers that ended or were killed, and were replaced, since the start.
        jobs_done: Jobs that were answered with a picture.
        jobs_failed: Jobs that were answered with an error about the picture or the settings.
        jobs_refused: Jobs for which the queue had no room.
        jobs_timed_out: Jobs that took too long.
        jobs_lost: Jobs whose worker ended before it answered.
        jobs_abandoned: Jobs whose caller was cancelled.
        worker_memory_bytes: The most memory that one of the present workers has taken.
    """

    in_flight: int = 0
    queued: int = 0
    workers: int = 0
    workers_ready: int = 0
    workers_replaced: int = 0
    jobs_done: int = 0
    jobs_failed: int = 0
    jobs_refused: int = 0
    jobs_timed_out: int = 0
    jobs_lost: int = 0
    jobs_abandoned: int = 0
    worker_memory_bytes: int = 0
