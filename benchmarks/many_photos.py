"""Measure memory and processor time of `infer` with very many small photos.

python benchmarks/many_photos.py [--counts 1000,10000,100000] [--calls fresh,again,part] [--filter great-wave]

Makes the photos in a temporary folder: 100 different JPEG files of 32x32 pixels, linked into folders of 500. Calls:

fresh   infer of all photos into a new folder
again   the same call again, when all outputs exist. Without `fresh`, the outputs are links to those of 100 photos
part    infer --shard 1/100 into a new folder: it plans the names of all outputs, and stylizes every hundredth photo
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2style.images import encode_jpeg
from pix2style.processes import usable_cores
from pix2style.version import __version__

_DIFFERENT, _PER_FOLDER, _PARTS = 100, 500, 100
_CALLS = ("fresh", "again", "part")


@dataclass(frozen=True)
class _Figures:
    """Figures of one call."""

    count: int
    call: str
    peak_mb: float
    cpu_s: float
    wall_s: float


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1000,10000,100000")
    parser.add_argument("--calls", default=",".join(_CALLS))
    parser.add_argument("--filter", default="great-wave")
    parser.add_argument("--folder", type=Path, help="Where the temporary folder is made; default: the system's.")
    options = parser.parse_args()
    calls, figures = options.calls.split(","), []
    for count in map(int, options.counts.split(",")):
        with _photos(count, options.folder) as work:
            if "again" in calls and "fresh" not in calls:
                _link_outputs(options.filter, work, count)
            for call in (call for call in _CALLS if call in calls):
                figures.append(_measure(options.filter, work, count, call))
                print(figures[-1], flush=True)
    text = _report(options.filter, figures, [f"--counts {options.counts}", f"--calls {options.calls}"])
    print(text)
    (Path(__file__).parent / "results" / "many_photos.md").write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _photos(count: int, parent: Path | None) -> Iterator[Path]:
    """Make the photos, in the folder `photos` of a temporary folder."""
    with tempfile.TemporaryDirectory(dir=parent, prefix="many-photos-") as name:
        work, rng = Path(name), np.random.default_rng(0)
        (work / "different").mkdir()
        for number in range(_DIFFERENT):
            levels = rng.normal(0, 40, (4, 4, 3)).repeat(8, 0).repeat(8, 1) + rng.normal(128, 8, (32, 32, 3))
            photo = np.clip(levels, 0, 255).astype(np.uint8)
            (work / "different" / f"{number}.jpg").write_bytes(encode_jpeg(photo))
        for number in range(count):
            _link(work / "different" / f"{number % _DIFFERENT}.jpg", work / "photos" / _name(number))
        yield work


def _name(number: int) -> str:
    return f"{number // _PER_FOLDER // 10:03d}/{number // _PER_FOLDER:05d}/IMG_{number:08d}.jpg"


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # the file system has no links, or no more to one file
        shutil.copyfile(source, target)


def _link_outputs(filter_name: str, work: Path, count: int) -> None:
    """Make the outputs of all photos out of those of the different ones: equal photos have equal outputs."""
    _infer(filter_name, work / "different", work / "made")
    for number in range(count):
        _link(work / "made" / f"{number % _DIFFERENT}.jpg", work / "out" / _name(number))


def _measure(filter_name: str, work: Path, count: int, call: str) -> _Figures:
    out, more = (work / "part", ["--shard", f"1/{_PARTS}"]) if call == "part" else (work / "out", [])
    started = time.perf_counter()
    usage = _infer(filter_name, work / "photos", out, *more)
    seconds = time.perf_counter() - started
    peak_kb = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return _Figures(count, call, peak_kb / 1024, usage.ru_utime + usage.ru_stime, seconds)


def _infer(filter_name: str, photos: Path, out: Path, *more: str) -> resource.struct_rusage:
    """Run the command, and return what it used."""
    words = [sys.executable, "-m", "pix2style", "infer", filter_name, str(photos), "-o", str(out), "--threads", "1"]
    process = subprocess.Popen([*words, *more], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"infer ended with exit code {process.returncode}")
    return usage


def _report(filter_name: str, figures: Sequence[_Figures], options: Sequence[str]) -> str:
    """Return the table. Costs of a photo are those beyond the smallest count, whose call pays for the start."""
    versions = f"pix2style {__version__}, Python {platform.python_version()}"
    lines = [
        "# Very many small photos",
        "",
        f"`{' '.join(['python benchmarks/many_photos.py', *options])}`",
        "",
        f"Photos of 32x32 pixels, filter {filter_name}, one thread; {versions}, {usable_cores()} cores.",
        "Peak memory is the resident set of the process. Bytes and milliseconds per photo are differences to the",
        "smallest count of the same call, which pays for the start of the program.",
        "",
        "| call | photos | peak memory, MB | bytes per photo | processor time, s | ms per photo | wall time, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for call in _CALLS:
        rows = [row for row in figures if row.call == call]
        for row in rows:
            more = row.count - rows[0].count
            per_photo = f"{(row.peak_mb - rows[0].peak_mb) * 2**20 / more:,.0f}" if more else ""
            ms = f"{(row.cpu_s - rows[0].cpu_s) * 1000 / more:.3f}" if more else ""
            lines.append(
                f"| {call} | {row.count:,} | {row.peak_mb:.1f} | {per_photo} | {row.cpu_s:.2f} | {ms} |"
                f" {row.wall_s:.1f} |"
            )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
