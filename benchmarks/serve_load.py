"""Send many valid requests with hostile ones among them to `pix2style serve`, and check the answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from serve_client import Client
from serve_good_requests import GoodRequest, difference
from serve_hostile_connections import CLOSED, HostileConnection
from serve_hostile_files import HostileFile

_MOST_SLOW = 40  # slow connections at a time, besides the others
_IDLE = 100
_TRIES = 1000


@dataclass
class LoadReport:
    """The results of a load.

    Attributes:
        good: Number of valid requests that were answered with the right picture.
        repeated: Number of answers 429 to valid requests, which were then sent again.
        faults: What was wrong, at most one sentence for each kind of fault.
        fault_count: Number of wrong answers.
        hostile: Outcomes of hostile requests, by kind and status; status 0 stands for a closed connection.
        seconds: Seconds that it took.
        good_s: Seconds from sending each valid request to its right answer, without waiting after 429.
    """

    good: int = 0
    repeated: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    fault_count: int = 0
    hostile: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0
    good_s: list[float] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[int]:
        """Numbers of hostile requests by status."""
        return sum((Counter({status: count}) for (_, status), count in self.hostile.items()), Counter())

    def add_fault(self, name: str, fault: str) -> None:
        """Note a wrong answer."""
        self.fault_count += 1
        self.faults.setdefault(name, fault)


@dataclass(frozen=True)
class Hostility:
    """The hostile bodies and connections of a load, and their share of all requests."""

    files: Sequence[HostileFile]
    connections: Sequence[HostileConnection]
    share: float = 0.05


async def send_load(
    port: int,
    good: Sequence[GoodRequest],
    hostility: Hostility,
    *,
    requests: int,
    at_once: int = 4,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> LoadReport:
    """Send valid and hostile requests in random order.

    Args:
        port: Port of the server.
        good: Valid requests, which are repeated in turn.
        hostility: The hostile requests, which are sent in turn.
        requests: Number of requests in all.
        at_once: Number of requests at a time, in addition to slow and idle connections.
        seed: Seed of the order.
        progress: Called after each request with the number of those done.
    """
    report, started = LoadReport(), time.perf_counter()
    plan = _plan(good, hostility, requests, random.Random(seed))  # noqa: S311
    slow: list[asyncio.Task[None]] = []
    gate = asyncio.Semaphore(_MOST_SLOW)
    done = 0

    async def work() -> None:
        nonlocal done
        async with Client(port) as client:
            for request in plan:
                if isinstance(request, GoodRequest):
                    await _ask_good(client, request, report)
                elif isinstance(request, HostileFile):
                    await _ask_hostile(client, request, report)
                elif request.is_slow:
                    slow.append(asyncio.create_task(_connect_gated(gate, port, request, report)))
                else:
                    await _connect(port, request, report)
                done += 1
                if progress:
                    progress(done)

    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(_IDLE if hostility.share else 0)]
    await asyncio.gather(*(work() for _ in range(at_once)))
    report.seconds = time.perf_counter() - started
    await asyncio.gather(*slow)
    for _, writer in idle:
        writer.close()
    return report


def _plan(
    good: Sequence[GoodRequest], hostility: Hostility, requests: int, numbers: random.Random
) -> Iterator[GoodRequest | HostileFile | HostileConnection]:
    hostile = [*hostility.files, *hostility.connections]
    order = numbers.sample(range(len(hostile)), len(hostile))
    is_hostile = [number < round(requests * hostility.share) for number in range(requests)]
    numbers.shuffle(is_hostile)
    sent = 0
    for number in range(requests):
        if is_hostile[number] and hostile:
            yield hostile[order[sent % len(order)]]
            sent += 1
        else:
            yield good[(number - sent) % len(good)]


async def _ask_good(client: Client, request: GoodRequest, report: LoadReport) -> None:
    for _ in range(_TRIES):
        began_s = time.perf_counter()
        try:
            answer = await client.ask("POST", request.target, request.body, {"Content-Type": request.content_type})
        except (OSError, EOFError, ValueError) as error:
            report.add_fault("no answer to a valid request", f"{request.target}: {error!r}")
            return
        if answer.status != 429:
            break
        report.repeated += 1
        await asyncio.sleep(min(1.0, float(answer.headers["retry-after"])))
    fault = request.fault(answer) if answer.status == 200 else f"{answer.status}: {answer.body[:300]!r}"
    if fault:
        report.add_fault(f"valid request: {fault[:40]}", f"{request.target}: {fault}")
    else:
        report.good += 1
        report.good_s.append(time.perf_counter() - began_s)


async def _ask_hostile(client: Client, file: HostileFile, report: LoadReport) -> None:
    for _ in range(_TRIES):
        try:
            answer = await client.ask("POST", "/v1/stylize", file.data)
        except (OSError, EOFError, ValueError) as error:
            report.hostile[file.name, CLOSED] += 1
            report.add_fault(file.name, f"no answer: {error!r}")
            return
        if answer.status != 429:
            break
        await asyncio.sleep(min(1.0, float(answer.headers["retry-after"])))
    report.hostile[file.name, answer.status] += 1
    if answer.status not in file.statuses:
        report.add_fault(file.name, f"{answer.status}: {answer.body[:300]!r}")
    elif answer.status == 200 and file.expected and (fault := difference(answer.body, file.expected)):
        report.add_fault(file.name, fault)


async def _connect_gated(gate: asyncio.Semaphore, port: int, connection: HostileConnection, report: LoadReport) -> None:
    async with gate:
        await _connect(port, connection, report)


async def _connect(port: int, connection: HostileConnection, report: LoadReport) -> None:
    try:
        outcome = await connection.run(port)
    except TimeoutError:
        report.hostile[connection.name, -1] += 1
        report.add_fault(connection.name, "the server does not end it")
        return
    report.hostile[connection.name, outcome] += 1
    if outcome not in connection.outcomes | {429}:
        report.add_fault(connection.name, f"{outcome or 'closed'} instead of {sorted(connection.outcomes)}")
