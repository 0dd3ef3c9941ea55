"""Measure requests per second of `pix2style serve` with wrk or hey, against the filter's own rate on the same cores."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from serve_process import ServerProcess

from pix2style import load_stylizer
from pix2style.recipes.quickstart import sample_photos

SIZE = (640, 480)
_TYPE = "image/jpeg"
_ONE_SESSION = "filter alone, one session, 2 threads"
_TWO_PROCESSES = "filter alone, two processes, 1 thread each"
_WITH_JPEG = "Pillow, filter, Pillow, two processes, 1 thread each"
_POST = """
local file = io.open("{body}", "rb")
wrk.method, wrk.body = "POST", file:read("*a")
file:close()
wrk.headers["Content-Type"] = "{type}"
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{{"answers": %d, "refused": %d, "broken": %d, "s": %f, "p50_ms": %f, "p99_ms": %f}}\\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Measurement:
    """What a load tool saw at one concurrency.

    Attributes:
        at_once: Requests that were under way at a time.
        per_s: Right answers (200) per second.
        p50_ms: Half of the answers came within this time.
        p99_ms: 99 % of the answers came within this time.
        client_ms: Processor time of the load tool per answer.
        front_ms: Processor time per answer of the process that answers.
        workers_ms: Processor time per answer of all other processes of the server.
        bad: Answers that were not 200, and requests without an answer.
    """

    at_once: int
    per_s: float
    p50_ms: float
    p99_ms: float
    client_ms: float
    front_ms: float
    workers_ms: float
    bad: int


@dataclass(frozen=True)
class OwnRate:
    """What a filter does alone, from array to array.

    Attributes:
        per_s: Photos per second.
        cpu_ms: Processor time for a photo.
    """

    per_s: float
    cpu_ms: float


def measure_rounds(
    filter_name: str,
    options: Sequence[str],
    concurrencies: Sequence[int],
    *,
    rounds: int,
    seconds: int,
    tool: str,
) -> tuple[list[dict[str, OwnRate]], list[list[Measurement]]]:
    """Measure the filter's own rate and the server in turn.

    Args:
        filter_name: The filter.
        options: Options of `pix2style serve`.
        concurrencies: Numbers of requests at a time.
        rounds: Number of rounds.
        seconds: Seconds of each measurement.
        tool: `wrk` or `hey`.

    Returns:
        For each round, what the filter does alone by the way of running it, and the measurements.
    """
    own, measured = [], []
    with tempfile.TemporaryDirectory() as text:
        body = Path(text, "photo.jpg")
        body.write_bytes(photo_of(SIZE))
        with ServerProcess(Path(text), [filter_name], options) as server:
            send = {"wrk": _wrk, "hey": _hey}[tool]
            send(server, body, 2, 2)
            for _ in range(rounds):
                own.append(
                    {
                        _ONE_SESSION: own_rate(filter_name, 1, 2, seconds),
                        _TWO_PROCESSES: own_rate(filter_name, 2, 1, seconds),
                        _WITH_JPEG: own_rate(filter_name, 2, 1, seconds, with_jpeg=True),
                    }
                )
                measured.append([send(server, body, at_once, seconds) for at_once in concurrencies])
    return own, measured


def photo_of(size: tuple[int, int], number: int = 0) -> bytes:
    """Return a sample photo as a JPEG file of a size."""
    photos = sorted(sample_photos().glob("*.jpg"))
    stream = io.BytesIO()
    with Image.open(photos[number % len(photos)]) as opened:
        opened.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def own_rate(filter_name: str, processes: int, threads: int, seconds: float, *, with_jpeg: bool = False) -> OwnRate:
    """Return what a filter does alone, from array to array, or from JPEG to JPEG with Pillow and nothing else."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(processes)
    rates = context.SimpleQueue()
    children = [
        context.Process(target=_run_filter, args=(filter_name, threads, seconds, with_jpeg, start, rates))
        for _ in range(processes)
    ]
    for child in children:
        child.start()
    seen = [rates.get() for _ in children]
    for child in children:
        child.join()
    return OwnRate(sum(per_s for per_s, _ in seen), statistics.mean(cpu_ms for _, cpu_ms in seen))


def _run_filter(filter_name: str, threads: int, seconds: float, with_jpeg: bool, *shared: Any) -> None:
    start, rates = shared
    data = photo_of(SIZE)
    photo = np.asarray(Image.open(io.BytesIO(data)))
    stylizer = load_stylizer(filter_name, threads=threads)

    def from_jpeg_to_jpeg() -> None:
        stylized = stylizer(np.asarray(Image.open(io.BytesIO(data))))
        Image.fromarray(stylized).save(io.BytesIO(), "JPEG", quality=95, subsampling=0)  # as `infer` writes it

    once = from_jpeg_to_jpeg if with_jpeg else lambda: stylizer(photo)
    for _ in range(3):
        once()
    start.wait()
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    count = 0
    while time.perf_counter() - began_s < seconds:
        once()
        count += 1
    spent_s = time.perf_counter() - began_s
    rates.put((count / spent_s, 1000 * (time.process_time() - began_cpu_s) / count))


def _wrk(server: ServerProcess, body: Path, at_once: int, seconds: int) -> Measurement:
    script = body.with_suffix(".lua")
    script.write_text(_POST.format(body=body, type=_TYPE))
    command = ["wrk", "-t1", f"-c{at_once}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script)]
    output, costs = _run([*command, _target(server)], server)
    seen = json.loads(output[output.index('{"answers"') :])
    right = seen["answers"] - seen["refused"]
    return Measurement(
        at_once,
        right / seen["s"],
        seen["p50_ms"],
        seen["p99_ms"],
        *(1000 * cost / max(1, right) for cost in costs),
        bad=seen["refused"] + seen["broken"],
    )


def _hey(server: ServerProcess, body: Path, at_once: int, seconds: int) -> Measurement:
    command = ["hey", "-cpus", "1", "-c", str(at_once), "-z", f"{seconds}s", "-t", "60", "-m", "POST"]
    output, costs = _run([*command, "-T", _TYPE, "-D", str(body), _target(server)], server)
    counts = {int(status): int(count) for status, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", output)}
    right = counts.pop(200, 0)
    # hey leaves out percentiles for which it has too few answers.
    percentile = {name: 1000 * float(s) for name, s in re.findall(r"(\d+)%+ in ([\d.]+) secs", output)}
    total_s = float(re.findall(r"Total:\s+([\d.]+)", output)[0])
    return Measurement(
        at_once,
        right / total_s,
        percentile.get("50", float("nan")),
        percentile.get("99", float("nan")),
        *(1000 * cost / max(1, right) for cost in costs),
        bad=sum(counts.values()),
    )


def _target(server: ServerProcess) -> str:
    return f"http://127.0.0.1:{server.port}/v1/stylize"


def _run(command: list[str], server: ServerProcess) -> tuple[str, tuple[float, float, float]]:
    """Return what a load tool prints, and the processor seconds of the tool, the front and the other processes."""
    if shutil.which(command[0]) is None:
        raise SystemExit(f"{command[0]} is not installed: apt-get install {command[0]}")
    before, (front, workers) = _children_s(), server.cpu_s()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    front_after, workers_after = server.cpu_s()
    return output, (_children_s() - before, front_after - front, workers_after - workers)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tool_version(tool: str) -> str:
    """Return the name of a load tool with its version, as Debian's package says it."""
    if shutil.which("dpkg-query") is None:
        return tool
    command = ["dpkg-query", "--show", "--showformat=${Version}", tool]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{tool} {done.stdout}".strip()


def throughput_table(
    own: Sequence[dict[str, OwnRate]], measured: Sequence[Sequence[Measurement]]
) -> tuple[list[str], dict[str, float]]:
    """Return the lines of the table of medians, and the median ratios of the best rate to each way without a server.

    The column "of own" is relative to one session on two threads, which is what `load_stylizer` opens.
    """
    lines = [
        "| | photos/s | of own | p50, ms | p99, ms | CPU ms: front | workers | load tool | not 200 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    one_session = [rates[_ONE_SESSION].per_s for rates in own]
    for way in own[0]:
        rate, share = _rate_and_share([rates[way].per_s for rates in own], one_session)
        cpu_ms = statistics.median(rates[way].cpu_ms for rates in own)
        lines.append(f"| {way} | {rate:.1f} | {share:.2f} | | | | {cpu_ms:.2f} | | |")
    for column in zip(*measured, strict=True):
        rate, share = _rate_and_share([one.per_s for one in column], one_session)
        p50_ms, p99_ms, *cpu_ms = (
            statistics.median(getattr(one, name) for one in column)
            for name in ("p50_ms", "p99_ms", "front_ms", "workers_ms", "client_ms")
        )
        cells = " | ".join([f"{p50_ms:.0f}", f"{p99_ms:.0f}", *(f"{figure:.2f}" for figure in cpu_ms)])
        bad = sum(one.bad for one in column)
        lines.append(f"| `serve`, {column[0].at_once} at a time | {rate:.1f} | {share:.2f} | {cells} | {bad} |")
    best = [max(one.per_s for one in row) for row in measured]
    return lines, {way: _rate_and_share(best, [rates[way].per_s for rates in own])[1] for way in own[0]}


def _rate_and_share(rates: Sequence[float], best: Sequence[float]) -> tuple[float, float]:
    """Return the median of rates, and the median of their shares of other ones."""
    shares = [rate / other for rate, other in zip(rates, best, strict=True)]
    return statistics.median(rates), statistics.median(shares)


def pin_to_cores(cores: int) -> None:
    """Keep this process, and all that it starts, on the first cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
