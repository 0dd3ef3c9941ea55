"""Counts of the server in the format of Prometheus. No request can add new values of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.registry import Collector

from pix2style.version import __version__

if TYPE_CHECKING:
    from pix2style.serve.jobs import StylizedAnswer

__all__ = ["CONTENT_TYPE", "Metrics"]

_PREFIX = "pix2style_"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
BLEND = "a blend"
STAGES = ("queue", "decode", "stylize", "encode")
"""Stages of a photo on the server; `StylizedAnswer` has the seconds of each."""
Values = Mapping[str, tuple[str, Callable[[], float]]]
"""Values from other parts of the server, by their names: a description, and the function that returns the value."""


class Metrics:
    """Counts of one server.

    Args:
        gauges: Values as they are at present, for example the length of the queue.
        totals: Counts that only grow.
    """

    def __init__(self, gauges: Values, totals: Values) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # they are a second series for each count
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = self._counter("requests", "Requests by address and status", "address", "status")
        self._request_s = Histogram(
            f"{_PREFIX}request_seconds",
            "Time from a request to its answer",
            ["address"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stage_s = Histogram(
            f"{_PREFIX}stage_seconds",
            "Time of a photo in the queue, in decoding, stylizing and encoding",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._pictures = self._counter("pictures", "Photos that were stylized", "filter")
        self._pixels = self._counter("pixels", "Pixels that were stylized")
        self._bytes = self._counter("photo_bytes", "Bytes of photos in and of stylized photos out", "direction")
        self._gauge("info", "Version of pix2style", "version").labels(__version__).set(1)
        for name, (text, value) in gauges.items():
            self._gauge(name, text).set_function(value)
        self._registry.register(_Totals(totals))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(_PREFIX + name, text, labels, registry=self._registry)

    def count_request(self, address: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            address: One of the server's own addresses, or `other`.
            status: Status of the answer.
            seconds: Time that it took.
        """
        self._requests.labels(address, str(status)).inc()
        self._request_s.labels(address).observe(seconds)

    def count_picture(self, filter_name: str, photo_bytes: int, answer: StylizedAnswer) -> None:
        """Count a picture that was stylized.

        Args:
            filter_name: Name of a filter that is served, or `BLEND`.
            photo_bytes: Size of the photo.
            answer: The picture.
        """
        self._pictures.labels(filter_name).inc()
        self._pixels.inc(answer.width_px * answer.height_px)
        self._bytes.labels("in").inc(photo_bytes)
        self._bytes.labels("out").inc(len(answer.data))
        for stage in STAGES:
            self._stage_s.labels(stage).observe(getattr(answer, f"{stage}_s"))

    def text(self) -> bytes:
        """Return all values, as `CONTENT_TYPE`."""
        return generate_latest(self._registry)


class _Totals(Collector):
    """Counts that other parts of the server keep."""

    def __init__(self, totals: Values) -> None:
        self._totals = totals

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counts as they are now."""
        for name, (text, value) in self._totals.items():
            yield CounterMetricFamily(_PREFIX + name, text, value=value())
