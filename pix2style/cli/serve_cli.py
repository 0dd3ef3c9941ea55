"""The command `pix2style serve`."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from pix2style.cli import serve_options as options
from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.exits import EXIT_INTERRUPTED, advise_after_interrupt
from pix2style.errors import require
from pix2style.plural import counted
from pix2style.printable import printable

if TYPE_CHECKING:
    import socket

    from pix2style.serve.access import Access
    from pix2style.serve.pool import WorkerPool
    from pix2style.serve.run_server import Server


@app.command("serve")
def serve_command(
    where: options.AddressOptions,
    accepted: options.LimitOptions,
    filters: options.FiltersArgument = None,
    workers: options.WorkersOption = None,
    threads_per_worker: options.ThreadsOption = 1,
    device: options.DeviceOption = options.Device.cpu,
    stop_seconds: options.StopOption = 30.0,
    log: options.LogOption = False,
) -> None:
    """Stylize photos that programs send over HTTP: POST /v1/stylize returns the stylized photo.

    Only this computer reaches the server, unless --host opens it to others. Needs the extra serve.

    The page /docs of the server describes all requests and answers.

    Photos are kept in memory only. SIGTERM and Ctrl-C finish the photos in work; a second signal ends at once.

    Example: pix2style serve great-wave my-filter.onnx --port 8080
    """
    from pix2style.serve.access import TOKEN_VARIABLE, make_access
    from pix2style.serve.listener import listen

    token, origins = os.environ.get(TOKEN_VARIABLE) or None, tuple(where.allow_origin or ())
    access = make_access(where.host, token, without_token=where.without_token, origins=origins)
    require("serve", "h11")
    server = None
    with (
        contextlib.suppress(KeyboardInterrupt),
        listen(where.host, where.port) as listener,
    ):
        from pix2style.serve.worker_process import prepare_workers

        prepare_workers()  # they load their libraries while this process loads its own
        require("serve", "prometheus_client", "python_multipart", "starlette", "uvicorn")
        pool = _make_pool(filters or [], accepted, workers, threads_per_worker, device.value)
        server = _serve(pool, access, listener, stop_s=stop_seconds, log=log)
    _leave(server)


def _make_pool(
    sources: list[str], accepted: options.LimitOptions, workers: int | None, threads: int, device: str
) -> WorkerPool:
    from pix2style.processes import usable_cores
    from pix2style.serve.pool import WorkerPool
    from pix2style.serve.served_filters import ServedFilters
    from pix2style.system.cores import allotted_cores

    cores = min(usable_cores(), allotted_cores() or usable_cores())
    count = workers or max(1, cores // threads)
    filters = ServedFilters.from_sources(sources)
    if device != options.Device.cpu:
        # This imports ONNX Runtime, which the front process does not need otherwise.
        from pix2style.runtime.open_on_device import check_device

        for name in filters.names:
            check_device(device, filters.get(name).path)
    return WorkerPool(filters, accepted.limits(), workers=count, threads=threads, device=device)


def _serve(pool: WorkerPool, access: Access, listener: socket.socket, *, stop_s: float, log: bool) -> Server:
    """Answer requests until a signal comes, and return the server."""
    import asyncio

    from pix2style.serve.front import Front
    from pix2style.serve.http_app import make_app
    from pix2style.serve.listener import address
    from pix2style.serve.run_server import Server, serve_until_signal

    host, port = listener.getsockname()[:2]

    def say_where() -> None:
        what = f"{counted(len(pool.filters.names), 'filter')}, {counted(pool.counts.workers, 'worker')}"
        _print_line(f"serve: {address(host, port)}   ({what}; Ctrl-C ends it)")

    front = Front(pool, pool.filters, pool.limits)
    server = Server(make_app(front, access, _log if log else None), front, stop_s, say_where)
    asyncio.run(serve_until_signal(server, pool, listener))
    return server


def _print_line(line: str) -> None:
    print(printable(line), flush=True)


def _log(line: str) -> None:
    """Print a line of the log; whoever read it may have gone."""
    with contextlib.suppress(OSError, ValueError):
        _print_line(line)


def _leave(server: Server | None) -> None:
    """Leave with an exit code other than 0 if photos were not finished."""
    if server is None:
        return
    if server.is_cut_short:
        with advise_after_interrupt("serve", lambda: "a photo that was still in work got no answer"):
            sys.exit(EXIT_INTERRUPTED)
    if server.given_up:
        unfinished = counted(server.given_up, "photo", verb="was")
        print(f"pix2style: {unfinished} not finished within --stop-seconds", file=sys.stderr)
        sys.exit(EXIT_SOME_FAILED)
