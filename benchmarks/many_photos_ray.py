"""Measure the memory of `pipelines/infer-ray.py` with very many small photos.

python benchmarks/many_photos_ray.py [--counts 1000,10000,100000] [--workers 2] [--filter great-wave]

Makes the photos in a temporary folder: 100 different JPEG files of 32x32 pixels, linked into folders of 500. For each
count a Ray cluster is started on this machine. Resident memory of the driver, the workers and the listing is sampled
each second; it is flat if it is about the same at a quarter of the run and at its end, and for all counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil

from pix2style.images import encode_jpeg
from pix2style.processes import usable_cores
from pix2style.version import __version__

_DIFFERENT, _PER_FOLDER = 100, 500
_ROOT = Path(__file__).parents[1]
# Processes by what Ray calls them.
_ROLES = {"MapWorker": "worker", "_list": "listing", "_Journal": "journal"}


@dataclass
class _Run:
    """Figures of one call: times and resident megabytes of each role, the largest of its processes."""

    count: int
    samples: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    seconds: float = 0.0

    def row(self, role: str) -> str:
        """Return memory at a quarter of the run, at its end, and the peak."""
        values = [(at, sizes[role]) for at, sizes in self.samples if role in sizes]
        if not values:
            return f"| {self.count:,} | {role} | | | |"
        first, last = values[0][0], values[-1][0]
        quarter = [mb for at, mb in values if at >= first + (last - first) * 0.2][: max(1, len(values) // 10)]
        end = [mb for _, mb in values][-max(1, len(values) // 10) :]
        peak = max(mb for _, mb in values)
        columns = (f"{self.count:,}", role, *(f"{mb:.0f}" for mb in (*map(statistics.median, (quarter, end)), peak)))
        return f"| {' | '.join(columns)} |"


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1000,10000,100000")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--filter", default="great-wave")
    parser.add_argument("--folder", type=Path, help="Where the temporary folder is made; default: the system's.")
    options = parser.parse_args()
    runs = []
    for count in map(int, options.counts.split(",")):
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="many-photos-ray-") as name:
            _make_photos(Path(name), count)
            runs.append(_measure(Path(name), count, options.workers, options.filter))
            print(*(runs[-1].row(role) for role in ("driver", *_ROLES.values())), sep="\n", flush=True)
    text = _report(runs, options.workers, options.filter)
    print(text)
    (Path(__file__).parent / "results" / "many_photos_ray.md").write_text(text, encoding="utf-8")


def _make_photos(work: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    different = []
    for number in range(min(_DIFFERENT, count)):
        levels = rng.normal(0, 40, (4, 4, 3)).repeat(8, 0).repeat(8, 1) + rng.normal(128, 8, (32, 32, 3))
        different.append(work / f"{number}.jpg")
        different[-1].write_bytes(encode_jpeg(np.clip(levels, 0, 255).astype(np.uint8)))
    for number in range(count):
        target = work / "photos" / f"{number // _PER_FOLDER:05d}" / f"IMG_{number:08d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(different[number % _DIFFERENT], target)
        except OSError:  # the file system has no links, or no more to one file
            shutil.copyfile(different[number % _DIFFERENT], target)


def _measure(work: Path, count: int, workers: int, filter_name: str) -> _Run:
    run, started = _Run(count), time.perf_counter()
    script = str(_ROOT / "pipelines" / "infer-ray.py")
    words = [sys.executable, script, filter_name, str(work / "photos"), "-o", str(work / "out"), "--quiet"]
    with subprocess.Popen([*words, "--workers", str(workers)], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            run.samples.append((time.perf_counter() - started, _sizes(process.pid)))
            time.sleep(1)
        printed = process.stdout.read() if process.stdout else ""
    run.seconds = time.perf_counter() - started
    outputs = sum(path.suffix == ".jpg" for path in (work / "out").rglob("*"))
    if process.returncode or outputs != count:
        raise SystemExit(f"infer-ray ended with exit code {process.returncode} and {outputs} outputs: {printed}")
    return run


def _sizes(driver: int) -> dict[str, float]:
    """Return the resident megabytes of the driver, and of the largest process of each role."""
    sizes: dict[str, float] = {}
    for process in psutil.process_iter(["pid", "cmdline", "memory_info"]):
        title = " ".join(process.info["cmdline"] or ())
        roles = [role for word, role in _ROLES.items() if title.startswith("ray::") and word in title]
        role = "driver" if process.info["pid"] == driver else next(iter(roles), "")
        if role and process.info["memory_info"]:
            sizes[role] = max(sizes.get(role, 0.0), process.info["memory_info"].rss / 2**20)
    return sizes


def _report(runs: Sequence[_Run], workers: int, filter_name: str) -> str:
    versions = f"pix2style {__version__}, Ray {version('ray')}, Python {platform.python_version()}"
    lines = [
        "# Very many small photos on a Ray cluster",
        "",
        "`python benchmarks/many_photos_ray.py`",
        "",
        f"Photos of 32x32 pixels, filter {filter_name}, {workers} workers; {versions}, {usable_cores()} cores.",
        "Resident memory in MB, of the largest process of each kind, with the libraries that processes share.",
        "",
        "| photos | process | at a quarter | at the end | peak |",
        "|---|---|---|---|---|",
        *(run.row(role) for run in runs for role in ("driver", *_ROLES.values())),
        "",
        *(f"{run.count:,} photos took {run.seconds:.0f} s with the start of the cluster." for run in runs),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
