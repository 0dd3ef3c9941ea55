"""The state that all addresses of the server share: filters, workers, limits, and whether new work is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pix2style.serve.answers import RequestError
from pix2style.serve.body import Arriving
from pix2style.serve.jobs import StylizedAnswer, StylizeJob
from pix2style.serve.limits import ServeLimits
from pix2style.serve.metrics import BLEND, Metrics
from pix2style.serve.parameters import SUFFIXES
from pix2style.serve.served_filters import ServedFilters

if TYPE_CHECKING:
    from pix2style.serve.pool import WorkerPool

_ARRIVING_PHOTOS = 16  # number of photos of the largest size that may arrive at the same time
_START_AGAIN_S, _STOP_AGAIN_S = 1, 5
_NAMES = {"look": "look_px", "format": "suffix", "keep_metadata": "metadata"}


class Front:
    """The state of the server.

    Args:
        pool: The workers.
        filters: The filters that requests may name.
        limits: Limits of requests.

    Attributes:
        is_stopping: Whether the server is shutting down, and refuses new photos.
        in_work: Number of photos that arrive, wait or are being stylized.
        metrics: Counts for Prometheus.
        arriving: Counts the bytes of photos that arrive.
    """

    def __init__(self, pool: WorkerPool, filters: ServedFilters, limits: ServeLimits) -> None:
        self.pool, self.filters, self.limits = pool, filters, limits
        self.is_stopping, self.in_work = False, 0
        self.arriving = Arriving(_ARRIVING_PHOTOS * limits.body_bytes)
        self.metrics = Metrics(
            {
                "in_work": ("Photos that arrive, wait or are being stylized", lambda: self.in_work),
                "arriving_bytes": ("Bytes of photos that arrive", lambda: self.arriving.bytes),
                "queue_length": ("Photos that wait for a worker", lambda: pool.counts.queued),
                "workers_ready": ("Workers that can work", lambda: pool.counts.workers_ready),
                "worker_memory_bytes": (
                    "The most memory that one of the workers has taken",
                    lambda: pool.counts.worker_memory_bytes,
                ),
            },
            {"workers_replaced": ("Workers that were replaced", lambda: pool.counts.workers_replaced)},
        )

    def check_takes_work(self) -> None:
        """Refuse new work if none can be done.

        Raises:
            RequestError: No worker is ready yet, or the server is shutting down.
        """
        if self.is_stopping:
            headers = {"Retry-After": str(_STOP_AGAIN_S), "Connection": "close"}
            raise RequestError(
                "stopping", "the server is shutting down: ask another server, or ask again later", headers=headers
            )
        if not self.pool.is_ready:
            headers = {"Retry-After": str(_START_AGAIN_S)}
            raise RequestError("not-ready", "the filters are being loaded: ask again in a second", headers=headers)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Count a photo as long as the block runs."""
        self.in_work += 1
        try:
            yield
        finally:
            self.in_work -= 1

    async def stylize(self, photo: bytes, values: dict[str, Any]) -> StylizedAnswer:
        """Stylize a photo.

        Args:
            photo: Content of its file.
            values: Values of the parameters, by their names in the query.
        """
        fields = {_NAMES.get(name, name): value for name, value in values.items()}
        if "suffix" in fields:
            fields["suffix"] = SUFFIXES[fields["suffix"]]
        job = StylizeJob(photo, **{"filter": self.filters.default, **fields})
        answer = await self.pool.stylize(job)
        parts = self.filters.parse(job.filter, job.style)
        self.metrics.count_picture(parts[0].name if len(parts) == 1 else BLEND, len(photo), answer)
        return answer
