"""Measure `pix2style serve`: its throughput, its answers among hostile requests, and its behaviour after signals.

    python benchmarks/serve.py throughput [--rounds 5] [--seconds 6] [--tool wrk]
    python benchmarks/serve.py hostile [--requests 10000] [--hostile FOLDER] [--content PHOTOS]
    python benchmarks/serve.py signals [--rounds 10]

With --write, each part writes its section of benchmarks/results/serve.md. The exit code is 1 if a result is not as it
has to be. Everything runs on this machine and its loopback. It needs Linux, the extra `serve`, and wrk or hey.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from serve_good_requests import FILTERS, GoodRequest, make_good_requests
from serve_hostile_connections import hostile_connections
from serve_hostile_files import files_of, hostile_files
from serve_load import Hostility, send_load
from serve_process import ServerProcess, Usage
from serve_report import WatchedLoad, describe_load, find_faults
from serve_signals import kill_front, kill_workers, terminate
from serve_throughput import measure_rounds, photo_of, pin_to_cores, throughput_table, tool_version

_RESULTS = Path(__file__).parent / "results" / "serve.md"
_RATIO_BAR, _START_BAR_S = 0.7, 1.0
Section = tuple[str, list[str], list[str]]
"""Heading, lines of the section, and faults."""


def main() -> None:
    """Run one part."""
    options = _parse()
    pin_to_cores(options.cores)
    heading, lines, faults = options.run(options)
    command = f"`python benchmarks/serve.py {shlex.join(_shown(sys.argv[1:]))}`"
    text = "\n".join([f"## {heading}", "", command, "", *lines, "", *(f"**Fault:** {fault}" for fault in faults)])
    print(text.rstrip())
    if options.write:
        _write_section(heading, text.rstrip())
    if faults:
        sys.exit(1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True, metavar="PART")
    part = _part(parts, "throughput", _throughput)
    part.add_argument("--filter", default="great-wave")
    part.add_argument("--rounds", type=int, default=5)
    part.add_argument("--seconds", type=int, default=6)
    part.add_argument("--at-once", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    part.add_argument("--tool", choices=["wrk", "hey"], default="wrk")
    part = _part(parts, "hostile", _hostile)
    part.add_argument("--requests", type=int, default=10_000)
    part.add_argument("--share", type=float, default=0.05, help="share of hostile requests")
    part.add_argument("--different", type=int, default=360, help="number of different valid requests")
    part.add_argument("--at-once", type=int, default=4)
    part.add_argument("--hostile", type=Path, help="folder of more hostile files")
    part.add_argument("--content", type=Path, help="folder of photos; default: the sample photos")
    part.add_argument("--wait", type=float, default=90.0, help="seconds in which a slow connection has to be ended")
    part.add_argument("--list", action="store_true", help="print the outcomes of every kind of hostile request")
    part = _part(parts, "signals", _signals)
    part.add_argument("--rounds", type=int, default=10)
    return parser.parse_args()


def _part(parts: object, name: str, run: Callable[[argparse.Namespace], Section]) -> argparse.ArgumentParser:
    part: argparse.ArgumentParser = parts.add_parser(name)  # type: ignore[attr-defined]
    part.set_defaults(run=run)
    part.add_argument("--cores", type=int, default=2)
    part.add_argument("--write", action="store_true", help="write the section into benchmarks/results/serve.md")
    part.add_argument("--serve", default="", metavar="OPTIONS", help="options of serve, such as '--workers 2'")
    return part


def _shown(words: list[str]) -> list[str]:
    """Return the words of the command without paths of this machine."""
    return [Path(word).name.upper() if os.sep in word else word for word in words if word != "--write"]


def _machine(cores: int) -> str:
    """Return a sentence about the machine and the versions."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    versions = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "pillow", "starlette", "uvicorn"))
    processor = found[1] if found else platform.processor()
    return f"{cores} cores of {processor}, Python {platform.python_version()}, {versions}."


def _write_section(heading: str, text: str) -> None:
    """Replace one section of the results, or add it."""
    whole = _RESULTS.read_text(encoding="utf-8") if _RESULTS.exists() else "# `pix2style serve` under load\n"
    top, *sections = re.split(r"^(?=## )", whole, flags=re.MULTILINE)
    kept = [section.rstrip() for section in sections if not section.startswith(f"## {heading}\n")]
    _RESULTS.write_text("\n\n".join([top.rstrip(), *sorted([*kept, text])]) + "\n", encoding="utf-8")


def _throughput(options: argparse.Namespace) -> Section:
    own, measured = measure_rounds(
        options.filter,
        shlex.split(options.serve),
        options.at_once,
        rounds=options.rounds,
        seconds=options.seconds,
        tool=options.tool,
    )
    table, ratios = throughput_table(own, measured)
    ratio = next(iter(ratios.values()))  # to what load_stylizer opens
    lines = [
        (
            f"{_machine(options.cores)} {tool_version(options.tool)} shares the cores with the server. JPEG of 640x480"
            f" pixels in and out, filter {options.filter}; medians of {options.rounds} interleaved rounds of"
            f' {options.seconds:g} s. "Filter alone" takes and returns arrays, without JPEG.'
        ),
        "",
        *table,
        "",
        (
            f"Best rate of a round to that of the filter as `load_stylizer` opens it: **{ratio:.2f}** (bar:"
            f" {_RATIO_BAR}). To {', to '.join(f'{way}: {share:.2f}' for way, share in list(ratios.items())[1:])}."
        ),
    ]
    bad = sum(one.bad for row in measured for one in row)
    faults = [f"the ratio is below {_RATIO_BAR}"] if ratio < _RATIO_BAR else []
    return "Throughput", lines, faults + ([f"{bad} requests were not answered with 200"] if bad else [])


def _hostile(options: argparse.Namespace) -> Section:
    photos = sorted(options.content.glob("*.jpg")) if options.content else []
    photo = photo_of((481, 321))
    connections = hostile_connections(photo, 25_000_000, options.wait)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        files = hostile_files(photo) + (files_of(options.hostile, FILTERS[0]) if options.hostile else [])
        good = make_good_requests(folder / "good", photos, options.different)
        with ServerProcess(folder / "server", FILTERS, shlex.split(options.serve)) as server:
            hostility = Hostility(files, connections, options.share)
            watched = asyncio.run(_load_and_watch(server, good, hostility, options))
        leftovers, log_faults = server.leftovers(), _log_faults(server.log())
    if options.list:
        print("\n".join(f"{status} {count} {name}" for (name, status), count in sorted(watched.report.hostile.items())))
    lines = [
        (
            f"{_machine(options.cores)} {options.at_once} requests at a time, {len(good)} different valid ones,"
            f" {len(files)} hostile files, {len(connections)} kinds of hostile connections, 100 idle connections."
        ),
        "",
        *describe_load(watched),
    ]
    faults = find_faults(watched)
    faults += [f"left behind: {', '.join(leftovers[:10])}"] if leftovers else []
    return "Hostile requests", lines, faults + log_faults


async def _load_and_watch(
    server: ServerProcess, good: list[GoodRequest], hostility: Hostility, options: argparse.Namespace
) -> WatchedLoad:
    """Send the requests, and note the memory and processes of the server 50 times meanwhile."""
    usages: list[tuple[int, Usage]] = []
    step = max(1, options.requests // 50)
    await send_load(server.port, good, Hostility([], [], 0), requests=len(good), at_once=options.at_once)
    before = await _settled(server, 0)

    def watch(done: int) -> None:
        if done % step == 0 or done == 1:
            usages.append((done, server.usage()))

    report = await send_load(
        server.port, good, hostility, requests=options.requests, at_once=options.at_once, progress=watch
    )
    after = await _settled(server, before.open_files)
    return WatchedLoad(report, before, usages, after, int(server.metric("pix2style_workers_replaced_total")))


async def _settled(server: ServerProcess, open_files: int) -> Usage:
    """Return what a server uses after it has noticed that its clients have gone."""
    usage = server.usage()
    for _ in range(50):
        await asyncio.sleep(0.1)
        last, usage = usage, server.usage()
        if usage.open_files <= max(open_files, last.open_files if not open_files else 0):
            break
    return usage


def _log_faults(log: str) -> list[str]:
    return ["the server printed a traceback: " + log[log.index("Traceback") :][:2000]] if "Traceback" in log else []


def _signals(options: argparse.Namespace) -> Section:
    return asyncio.run(_measure_signals(options))


async def _measure_signals(options: argparse.Namespace) -> Section:
    filters, serve = FILTERS, shlex.split(options.serve)
    photos = [photo_of((640, 480), number) for number in range(4)]
    lines, faults = [_machine(options.cores), ""], []
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with ServerProcess(folder / "bytecode", filters, serve):
            pass  # the first start compiles the modules to bytecode
        start_s = []
        for number in range(options.rounds):
            with ServerProcess(folder / f"start{number}", filters, serve) as server:
                start_s.append(server.start_s)
        median_s = statistics.median(start_s)
        lines.append(
            f"* Start: ready after {median_s:.2f} s (median of {len(start_s)}, {min(start_s):.2f} to"
            f" {max(start_s):.2f} s; required: below {_START_BAR_S:g} s), from the start of the process until `GET"
            " /readyz` is answered with 200."
        )
        faults += [f"ready only after {median_s:.2f} s"] if median_s >= _START_BAR_S else []
        kills = [
            await kill_front(folder / f"kill{number}", filters, serve, photos, 1.0)
            for number in range(max(2, options.rounds // 2))
        ]
        restart_s = [kill.ready_s for kill in kills]
        lines.append(
            f"* `kill -9` of the main process under load, {len(kills)} times: all {kills[0].processes} processes of the"
            f" server were gone after at most {max(kill.gone_s for kill in kills):.2f} s. The next server, started at"
            f" once on the same port, was ready after {statistics.median(restart_s):.2f} s"
            f" (at most {max(restart_s):.2f} s)."
        )
        for kill in kills:
            faults += [f"left behind after kill -9: {kill.leftovers}"] if kill.leftovers else []
            faults += ["processes stay after kill -9 of the main process"] if kill.gone_s == float("inf") else []
        with ServerProcess(folder / "workers", filters, serve) as server:
            workers = len(server.workers())
            killed = await kill_workers(server, photos, options.rounds, 0.5)
            lines.append(
                f"* `kill -9` of {killed.kills} workers under load: {killed.right} requests were answered with a"
                f" picture, {killed.lost} with 503, {killed.broken} otherwise. Workers before {workers}, after"
                f" {killed.workers_after}."
            )
            if killed.lost > killed.kills or killed.broken or killed.workers_after != workers:
                faults.append("requests were lost, or workers are missing, beyond those that were killed")
            ended = await terminate(server, photos, 8, 1.0)
        lines.append(
            f"* SIGTERM under load: of {ended.in_flight} requests in flight {ended.finished} were answered with a"
            f" picture; exit code {ended.exit_code} after {ended.seconds:.2f} s. Later requests by status (0: no"
            f" connection): {ended.other}."
        )
        if ended.finished != ended.in_flight or ended.exit_code:
            faults.append("requests in flight were lost after SIGTERM, or the exit code is not 0")
        faults += [f"left behind after SIGTERM: {ended.leftovers}"] if ended.leftovers else []
        faults += _log_faults(ended.log)
    return "Signals", lines, faults


if __name__ == "__main__":
    began_s = time.perf_counter()
    main()
    print(f"{time.perf_counter() - began_s:.0f} s in all", file=sys.stderr)
