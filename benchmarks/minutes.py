"""Measure how exactly `train.minutes` limits a training, on a quiet machine and beside busy loops.

    python benchmarks/minutes.py [KEY=VALUE ...] --pairs PAIRS [--command train distill] [--minutes 1 2 5] [--busy 0 2]

Each training is a program of its own, and is timed from its start to its exit. The bar: within 5 % of the limit or
10 s, whichever is more. Writes benchmarks/results/minutes.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2style.evaluation.machine import describe_machine

RESULT = Path(__file__).parent / "results" / "minutes.md"
_CONFIG = Path(__file__).parents[1] / "configs" / "distill.yaml"
_TOLERANCE_S, _TOLERANCE_SHARE = 10.0, 0.05


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=_CONFIG)
    parser.add_argument("--command", choices=("train", "distill"), nargs="+", default=["train", "distill"])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 5])
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 2], help="numbers of busy loops beside the training")
    parser.add_argument("changes", nargs="*", help="KEY=VALUE changes of the configuration")
    options = parser.parse_args()
    machine = describe_machine()
    lines = [
        "# A training with a limit of time",
        "",
        f"`{options.config.name}`, {machine['processor']}, {machine['cores']} cores.",
        "",
        "| command | limit, s | busy loops | seconds | difference, s | images | within the bar |",
        "|---|---|---|---|---|---|---|",
    ]
    for minutes, busy, command in itertools.product(options.minutes, options.busy, options.command):
        lines.append(_row(command, options, minutes, busy))
        print(lines[-1], flush=True)
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(program: str, options: argparse.Namespace, minutes: float, busy: int) -> str:
    with tempfile.TemporaryDirectory() as folder, _busy_loops(busy):
        command = [sys.executable, "-m", "pix2style", program, "--config", options.config, "--pairs", options.pairs]
        limit = [f"train.minutes={minutes}", "train.images=null", "--out", f"{folder}/run", "--json"]
        start_s = time.perf_counter()
        completed = subprocess.run([*command, *options.changes, *limit], stdout=subprocess.PIPE, check=True)
        seconds = time.perf_counter() - start_s
    images, limit_s = json.loads(completed.stdout)["images_seen"], 60 * minutes
    is_within = abs(seconds - limit_s) <= max(_TOLERANCE_S, _TOLERANCE_SHARE * limit_s)
    verdict = "yes" if is_within else "no"
    return (
        f"| `{program}` | {limit_s:.0f} | {busy} | {seconds:.1f} | {seconds - limit_s:+.1f} | {images:,} | {verdict} |"
    )


@contextmanager
def _busy_loops(count: int) -> Iterator[None]:
    loops = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(count)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()
            loop.join()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
