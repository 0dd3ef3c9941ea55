"""Options of `serve`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pix2style.serve.limits import ServeLimits

_MB = 1_000_000
FiltersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILTERS]",
        help="Names of the gallery, filter files (.onnx) and folders of them. Requests call them by their names; the"
        " first one is the default. Default: the whole gallery.",
    ),
]
_HostOption = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen at, for example 0.0.0.0 for all of this machine. Others than 127.0.0.1 need a token.",
    ),
]
_PortOption = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="Port to listen at, for example 8080; 0 for a free one.")
]
_WithoutTokenOption = Annotated[
    bool,
    typer.Option(
        "--without-token",
        help="Let every machine that reaches the address use the server, for example behind a proxy that asks who it"
        " is. Else set PIX2STYLE_SERVE_TOKEN.",
    ),
]
_OriginOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Site whose pages may ask the server from a browser, for example https://example.org. Can be repeated.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=256, metavar="N", help="Processes that stylize, for example 4. Default: one for each core."
    ),
]
ThreadsOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=256,
        metavar="N",
        help="Threads of each worker for one photo. More of them answer a single request sooner, but fewer requests a"
        " second, for example --workers 1 --threads-per-worker 4.",
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
        help="Largest photo in megapixels, of all its frames together, for example 24. It is checked before the photo"
        " is decoded.",
    ),
]
_MaxSecondsOption = Annotated[
    float,
    typer.Option(
        min=0.1, max=3600, metavar="S", help="Longest time for a photo in seconds, waiting included, for example 20."
    ),
]
_BodySecondsOption = Annotated[
    float,
    typer.Option(
        min=0.1, max=3600, metavar="S", help="Longest time for a photo to arrive, in seconds, for example 10."
    ),
]
_QueueOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=10_000,
        metavar="N",
        help="Photos that may wait, for each worker; further ones are answered with 429, for example 4.",
    ),
]
_MemoryOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=1_000_000,
        metavar="MB",
        help="Memory of each worker in megabytes, for example 1000; 0: no limit. Only Linux enforces it.",
    ),
]
StopOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=3600,
        metavar="S",
        help="Seconds after SIGTERM or Ctrl-C within which what has begun is finished, for example 10.",
    ),
]
LogOption = Annotated[
    bool,
    typer.Option(
        "--log",
        help="Print a line for each request: time, method, address, status and duration. It names no person and no"
        " file.",
    ),
]


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """Options that say what is accepted."""

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
