"""The worker pool does jobs as `infer` does, and says what is wrong with the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pix2style import load_stylizer
from pix2style.runtime.stylize_data import stylize_data
from pix2style.serve.jobs import StylizeJob
from pix2style.serve.limits import ServeLimits
from pix2style.serve.pool import WorkerPool
from pix2style.serve.served_filters import ServedFilters

_Result = TypeVar("_Result")
FILTERS = ("great-wave", "ejiri")
PHOTO = (Path(__file__).parents[2] / "pix2style/samples/photos").glob("*.jpg")


def with_pool(
    use: Callable[[WorkerPool], Awaitable[_Result]], limits: ServeLimits | None = None, *, workers: int = 1
) -> _Result:
    """Start a pool, use it, and stop it."""

    async def run() -> _Result:
        pool = WorkerPool(ServedFilters.from_sources(FILTERS), limits or ServeLimits(), workers=workers)
        await pool.start()
        try:
            return await use(pool)
        finally:
            await pool.stop(5)

    return asyncio.run(run())


def test_an_answer_is_what_infer_writes() -> None:
    data = next(PHOTO).read_bytes()
    answer = with_pool(lambda pool: pool.stylize(StylizeJob(data, "ejiri", strength=0.5)))
    made = stylize_data(load_stylizer("ejiri", strength=0.5), data, name="x")
    assert (answer.data, answer.media_type) == (made.data, "image/jpeg")
