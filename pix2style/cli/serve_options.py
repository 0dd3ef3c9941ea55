"""Options of `serve`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pix2style.serve.limits import ServeLimits

_MB = 1_000_000
FiltersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILTERS]",
        help="Filters to serve: names of the gallery, filter files (.onnx), or folders of them. Requests choose one by"
        " its name; the first one is used if they name none. Default: the whole gallery.",
    ),
]
_HostOption = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen at, for example 0.0.0.0 to serve other machines, for which PIX2STYLE_SERVE_TOKEN has to"
        " be set.",
    ),
]
_PortOption = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="Port to listen at, for example 8080; 0 for any free one.")
]
_WithoutTokenOption = Annotated[
    bool,
    typer.Option(
        "--without-token",
        help="Let every machine that reaches the address use the server without a token, for example behind a proxy"
        " that checks who asks. Otherwise set the environment variable PIX2STYLE_SERVE_TOKEN.",
    ),
]
_OriginOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Site whose pages may send requests from a browser, for example https://example.org. Can be repeated.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=256,
        metavar="N",
        help="Processes that stylize, for example 4. Default: one for each core, or fewer with --threads-per-worker.",
    ),
]
ThreadsOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=256,
        metavar="N",
        help="Threads of each worker. More threads answer a single request sooner, but fewer requests per second, for"
        " example --workers 1 --threads-per-worker 4.",
    ),
]


class Device(StrEnum):
    """What computes a server's filters."""

    cpu = "cpu"
    openvino = "openvino"


DeviceOption = Annotated[
    Device,
    typer.Option(
        help="Library that computes the filters on the processor, for example --device openvino: cpu is ONNX Runtime;"
        " openvino is OpenVINO, for float32 and float16 filters only (extra openvino)."
    ),
]
_MaxMbOption = Annotated[
    float, typer.Option(min=0.001, max=1000, metavar="MB", help="Largest photo in megabytes, for example 10.")
]
_MaxMegapixelsOption = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=178,
        metavar="MP",
        help="Largest photo in megapixels, with all its frames and pages, for example 24. It is checked before the"
        " photo is decoded.",
    ),
]
_MaxSecondsOption = Annotated[
    float,
    typer.Option(
        min=0.1, max=3600, metavar="S", help="Seconds for a photo to be stylized, waiting included, for example 20."
    ),
]
_BodySecondsOption = Annotated[
    float,
    typer.Option(min=0.1, max=3600, metavar="S", help="Seconds for a photo to arrive, for example 10."),
]
_QueueOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=10_000,
        metavar="N",
        help="Number of photos that may wait for each worker, for example 4. Further ones are answered with 429.",
    ),
]
_MemoryOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=1_000_000,
        metavar="MB",
        help="Most memory of each worker in megabytes, for example 1000; 0 for no limit. Only Linux enforces it.",
    ),
]
StopOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=3600,
        metavar="S",
        help="Seconds after SIGTERM or Ctrl-C in which the photos in work have to be finished, for example 10.",
    ),
]
LogOption = Annotated[
    bool,
    typer.Option(
        "--log",
        help="Print a line for each request: time, method, address, status and duration. It holds no names of clients"
        " or files.",
    ),
]


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """Options of the limits."""

    max_mb: _MaxMbOption = 25.0
    max_megapixels: _MaxMegapixelsOption = 50.0
    max_seconds: _MaxSecondsOption = 60.0
    max_body_seconds: _BodySecondsOption = 30.0
    queue: _QueueOption = 16
    worker_mb: _MemoryOption = 2000

    def limits(self) -> ServeLimits:
        """Return the limits of the server."""
        from pix2style.serve.limits import ServeLimits

        return ServeLimits(
            body_bytes=round(self.max_mb * _MB),
            body_s=self.max_body_seconds,
            pixels=round(self.max_megapixels * _MB),
            job_s=self.max_seconds,
            queue=self.queue,
            memory_bytes=self.worker_mb * _MB,
        )


@dataclass(frozen=True, slots=True)
class AddressOptions:
    """Options that say where the server listens, and to whom."""

    host: _HostOption = "127.0.0.1"
    port: _PortOption = 8080
    without_token: _WithoutTokenOption = False
    allow_origin: _OriginOption = None
