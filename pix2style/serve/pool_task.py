"""A job in the pool, from its arrival to its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from pix2style.errors import Pix2StyleError
from pix2style.serve.jobs import StylizedAnswer


class PoolTask:
    """A job in the pool, from its arrival to its answer.

    Args:
        values: Settings of the job, as its worker gets them.
        data: Content of an image file.
        loop: The asyncio loop of the pool.

    Attributes:
        entered_s: When it was taken, on the scale of `time.perf_counter`.
        begun_s: When a worker got it.
        answer: Its answer, once there is one.
        timer: Ends the job when it has taken too long.
    """

    def __init__(self, values: Mapping[str, Any], data: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self.values, self.data = values, data
        self.entered_s, self.begun_s = time.perf_counter(), 0.0
        self.answer: asyncio.Future[StylizedAnswer] = loop.create_future()
        self.timer: asyncio.TimerHandle | None = None

    def fail(self, error: Pix2StyleError) -> bool:
        """Answer with an error, unless the job has an answer already. Return whether this error is the answer."""
        if self.answer.done():
            return False
        self.answer.set_exception(error)
        return True
