"""Compare the ways to stylize many photos on the same machine: `infer`, its parts, `serve`, and Ray.

    python benchmarks/scale_out.py [--photos 400] [--rounds 3] [--without-ray] [--write]

Each way stylizes the same JPEG photos of 640x480 pixels, in interleaved rounds that include the start of programs. The
script checks that all outputs have the same bytes. It needs Linux and the extras serve and ray.
"""

from __future__ import annotations

import argparse
import asyncio
import filecmp
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from serve_client import Client
from serve_process import ServerProcess
from serve_throughput import SIZE, photo_of, pin_to_cores

from pix2style.evaluation.machine import describe_machine

_ROOT = Path(__file__).parents[1]
_RESULT = Path(__file__).parent / "results" / "scale_out.md"
_FILTER = "great-wave"
_Way = Callable[[Path, Path], None]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--without-ray", action="store_true")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/results")
    options = parser.parse_args()
    pin_to_cores(options.cores)
    ways: dict[str, _Way] = {"`infer`": _infer, "`infer --shard`, two parts at once": _parts, "`serve`": _serve}
    if not options.without_ray:
        ways["`infer-ray.py`, a cluster of its own"] = _ray
    with tempfile.TemporaryDirectory() as text:
        rows = _measure(ways, Path(text), options.photos, options.rounds)
    words = " ".join(word for word in sys.argv[1:] if word != "--write")
    what, machine = f"{options.photos} JPEG photos of {SIZE[0]}x{SIZE[1]} pixels", describe_machine()["processor"]
    rounds = f"Medians of {options.rounds} interleaved rounds"
    lines = [
        "# Ways to stylize many photos\n",
        f"`{f'python benchmarks/scale_out.py {words}'.strip()}`\n",
        f"{what}, filter {_FILTER}, {options.cores} cores of {machine}. {rounds}. All outputs have the same bytes.\n",
        "| Way | one photo, with the start, s | all photos, s | photos/s after the start |",
        "|---|---|---|---|",
        *rows,
    ]
    print("\n".join(lines))
    if options.write:
        _RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _measure(ways: dict[str, _Way], folder: Path, photos: int, rounds: int) -> list[str]:
    one, many = folder / "one", folder / "many"
    for source, count in ((one, 1), (many, photos)):
        source.mkdir()
        for number in range(count):
            (source / f"{number:05d}.jpg").write_bytes(photo_of(SIZE, number))
    seconds: dict[tuple[str, Path], list[float]] = {}
    for round_ in range(rounds):
        for name, way in ways.items():
            for source in (one, many):
                out = folder / f"out-{source.name}-{round_}-{list(ways).index(name)}"
                out.mkdir()
                began_s = time.perf_counter()
                way(source, out)
                seconds.setdefault((name, source), []).append(time.perf_counter() - began_s)
                _check(source, out, folder / f"out-{source.name}-0-0")
    rows = []
    for name in ways:
        first_s, all_s = (statistics.median(seconds[name, source]) for source in (one, many))
        rows.append(f"| {name} | {first_s:.2f} | {all_s:.1f} | {(photos - 1) / (all_s - first_s):.1f} |")
    return rows


def _check(source: Path, out: Path, expected: Path) -> None:
    names = sorted(path.name for path in source.iterdir())
    same, _, _ = filecmp.cmpfiles(out, expected, names, shallow=False)
    if sorted(same) != names:
        raise SystemExit(f"{len(names) - len(same)} outputs in {out.name} differ from those of `infer`")


def _infer(source: Path, out: Path) -> None:
    _run("-m", "pix2style", "--quiet", "infer", _FILTER, str(source), "-o", str(out))


def _parts(source: Path, out: Path) -> None:
    command = ["-m", "pix2style", "--quiet", "infer", _FILTER, str(source), "-o", str(out), "--threads", "1"]
    parts = [_start(*command, "--shard", f"{part}/2") for part in (1, 2)]
    codes = [part.wait() for part in parts]
    if any(codes):
        raise SystemExit("a part failed")


def _serve(source: Path, out: Path) -> None:
    with tempfile.TemporaryDirectory() as text, ServerProcess(Path(text), [_FILTER]) as server:
        asyncio.run(_ask_for_all(server.port, source, out))


async def _ask_for_all(port: int, source: Path, out: Path) -> None:
    paths = iter(sorted(source.iterdir()))

    async def ask() -> None:
        async with Client(port) as client:
            for path in paths:
                answer = await client.ask("POST", "/v1/stylize", path.read_bytes())
                if answer.status != 200:
                    raise SystemExit(answer.body.decode())
                (out / path.name).write_bytes(answer.body)

    await asyncio.gather(*(ask() for _ in range(4)))


def _ray(source: Path, out: Path) -> None:
    _run(str(_ROOT / "pipelines" / "infer-ray.py"), _FILTER, str(source), "-o", str(out), "--workers", "2")


def _run(*arguments: str) -> None:
    if _start(*arguments).wait():
        raise SystemExit(f"failed: {' '.join(arguments)}")


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
