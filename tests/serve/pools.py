"""A worker pool that tests start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pix2style.serve.limits import ServeLimits
from pix2style.serve.pool import WorkerPool
from pix2style.serve.served_filters import ServedFilters

_Result = TypeVar("_Result")


def with_pool(
    use: Callable[[WorkerPool], Awaitable[_Result]],
    limits: ServeLimits | None = None,
    *,
    filters: Sequence[str] = ("great-wave",),
    workers: int = 1,
) -> _Result:
    """Start a pool, use it, and stop it, whatever state its workers are in."""

    async def run() -> _Result:
        pool = WorkerPool(ServedFilters.from_sources(filters), limits or ServeLimits(), workers=workers)
        await pool.start()
        try:
            return await use(pool)
        finally:
            for pid in pool.worker_pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            await pool.stop(1)
            assert not pool.is_ready

    return asyncio.run(run())
