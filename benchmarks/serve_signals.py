"""Kill `pix2style serve` and its workers under load, end it with SIGTERM, and check what happens to the requests."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from serve_client import Client
from serve_process import ServerProcess, free_port

_ORPHANS_S = 20.0


@dataclass
class Sent:
    """A request and what came of it.

    Attributes:
        sent_s: When it was sent.
        ended_s: When it was answered or its connection broke; infinite if neither.
        status: Status of the answer; 0 for none.
    """

    sent_s: float
    ended_s: float = float("inf")
    status: int = 0


@dataclass
class Load:
    """Requests that are sent one after another on several connections, until it is told to stop."""

    port: int
    photos: Sequence[bytes]
    sent: list[Sent] = field(default_factory=list)
    is_over: bool = False

    async def work(self, number: int) -> None:
        """Send requests on one connection."""
        numbers = random.Random(number)  # noqa: S311  # noqa: S311
        async with Client(self.port, timeout_s=60) as client:
            while not self.is_over:
                request = Sent(time.perf_counter())
                self.sent.append(request)
                try:
                    request.status = (await client.ask("POST", "/v1/stylize", numbers.choice(self.photos))).status
                except (OSError, EOFError, ValueError):
                    request.status = 0
                request.ended_s = time.perf_counter()
                await asyncio.sleep(0.01 if request.status != 200 else 0)


@asynccontextmanager
async def load_on(port: int, photos: Sequence[bytes], at_once: int) -> AsyncIterator[Load]:
    """Send requests as long as the context lasts."""
    load = Load(port, photos)
    tasks = [asyncio.create_task(load.work(number)) for number in range(at_once)]
    try:
        yield load
    finally:
        load.is_over = True
        await asyncio.gather(*tasks)


@dataclass(frozen=True)
class KillReport:
    """What came of `kill -9` of the process that answers, under load.

    Attributes:
        processes: Number of processes before.
        gone_s: Seconds until all of them were gone; infinite if some stayed.
        ready_s: Seconds from the start of the next server, on the same port and at once, until it was ready.
        leftovers: Files that were left after both servers.
    """

    processes: int
    gone_s: float
    ready_s: float
    leftovers: list[str]


async def kill_front(
    folder: Path, filters: Sequence[str], options: Sequence[str], photos: Sequence[bytes], load_s: float
) -> KillReport:
    """Kill a server under load, and start another one on its port at once."""
    port = free_port()
    first = ServerProcess(folder / "first", filters, options, port)
    second = ServerProcess(folder / "second", filters, options, port)
    with first:
        async with load_on(port, photos, 4):
            await asyncio.sleep(load_s)
            count = len(first.processes())
            os.kill(first.process.pid, signal.SIGKILL)
            killed_s = time.perf_counter()
            first.process.wait()
            await asyncio.to_thread(second.start)
            while first.processes() and time.perf_counter() - killed_s < _ORPHANS_S:
                await asyncio.sleep(0.02)
            gone_s = float("inf") if first.processes() else time.perf_counter() - killed_s
        leftovers = first.leftovers()
        second.__exit__()
        return KillReport(count, gone_s, second.start_s, leftovers + second.leftovers())


@dataclass(frozen=True)
class WorkerKillReport:
    """What came of `kill -9` of workers under load.

    Attributes:
        kills: Number of workers that were killed.
        right: Number of requests that were answered with a picture.
        lost: Number of requests that were answered with 503.
        broken: Number of requests with any other answer, or none.
        workers_after: Number of workers afterwards.
    """

    kills: int
    right: int
    lost: int
    broken: int
    workers_after: int


async def kill_workers(server: ServerProcess, photos: Sequence[bytes], kills: int, pause_s: float) -> WorkerKillReport:
    """Kill the workers of a server one after another, under load."""
    killed, workers = 0, len(server.workers())
    async with load_on(server.port, photos, 4) as load:
        for _ in range(kills):
            await asyncio.sleep(pause_s)
            await _until_all_are_ready(server, workers)
            living = server.workers()
            if living:
                os.kill(living[0], signal.SIGKILL)
                killed += 1
        await asyncio.sleep(pause_s)
    statuses = [request.status for request in load.sent]
    await _until_all_are_ready(server, workers)
    right, lost = statuses.count(200), statuses.count(503)
    return WorkerKillReport(killed, right, lost, len(statuses) - right - lost, len(server.workers()))


async def _until_all_are_ready(server: ServerProcess, workers: int) -> None:
    """Wait until as many workers are ready, so that the server never is without one."""
    for _ in range(500):
        if await asyncio.to_thread(server.metric, "pix2style_workers_ready") >= workers:
            return
        await asyncio.sleep(0.02)


@dataclass(frozen=True)
class TermReport:
    """What came of SIGTERM under load.

    Attributes:
        in_flight: Number of requests that were surely sent before the signal, and not answered yet.
        finished: How many of them were answered with a picture.
        other: Statuses of later requests; 0 stands for a connection that was refused or closed.
        exit_code: Exit code of the server.
        seconds: Seconds from the signal until the server was gone.
        leftovers: Files that were left.
        log: What the server printed.
    """

    in_flight: int
    finished: int
    other: dict[int, int]
    exit_code: int
    seconds: float
    leftovers: list[str]
    log: str


async def terminate(
    server: ServerProcess, photos: Sequence[bytes], at_once: int, load_s: float, *, surely_sent_s: float = 0.1
) -> TermReport:
    """End a server by SIGTERM while it has requests in flight.

    Args:
        server: The server.
        photos: What it is asked for.
        at_once: Number of requests at a time.
        load_s: Seconds of load before the signal.
        surely_sent_s: Age from which on a request has surely reached the server.
    """
    async with load_on(server.port, photos, at_once) as load:
        await asyncio.sleep(load_s)
        signal_s = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        exit_code = await asyncio.to_thread(server.process.wait, 120)
        seconds = time.perf_counter() - signal_s
    in_flight = [
        request for request in load.sent if request.sent_s < signal_s - surely_sent_s and request.ended_s > signal_s
    ]
    finished = sum(request.status == 200 for request in in_flight)
    later = [request.status for request in load.sent if request.sent_s > signal_s]
    while server.processes() and time.perf_counter() - signal_s < _ORPHANS_S:
        await asyncio.sleep(0.02)
    leftovers = server.leftovers() + [f"process {pid}" for pid in server.processes()]
    other = {status: later.count(status) for status in sorted(set(later))}
    return TermReport(len(in_flight), finished, other, exit_code, seconds, leftovers, server.log())
