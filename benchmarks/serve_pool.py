"""Measure the memory of the server's workers over many pictures of all sizes, kinds and settings.

    python benchmarks/serve_pool.py [--jobs 2000] [--workers 2]

It ends with exit code 1 if a worker has grown by more than 10 % or 20 MB after the first quarter of the jobs. It needs
Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pix2style.recipes.quickstart import sample_photos
from pix2style.serve.jobs import StylizeJob
from pix2style.serve.limits import ServeLimits
from pix2style.serve.pool import WorkerPool
from pix2style.serve.served_filters import ServedFilters
from pix2style.serve.worker_process import prepare_workers

_KINDS = ("JPEG", "JPEG", "JPEG", "PNG", "WEBP", "TIFF")
_SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"strength": 0.6},
    {"preserve_color": True},
    {"stroke": 2.0},
    {"look_px": 512, "stroke": 1.5},
    {"suffix": ".png"},
)
_LARGEST_GROWTH, _LARGEST_GROWTH_BYTES = 0.1, 20_000_000


def main() -> None:
    """Send the jobs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    prepare_workers()
    sys.exit(asyncio.run(_measure(options.jobs, options.workers)))


async def _measure(count: int, workers: int) -> int:
    filters = ServedFilters.from_sources([])
    pool = WorkerPool(filters, ServeLimits(), workers=workers)
    await pool.start()
    rng, photos = (
        np.random.default_rng(1),
        [Image.open(path).convert("RGB") for path in sorted(sample_photos().glob("*.jpg"))],
    )
    started, after_quarter = time.perf_counter(), 0
    print("| jobs | seconds | resident memory of the largest worker, MB | its peak, MB |\n|---|---|---|---|")
    for done in range(0, count, max(1, count // 8)):
        if done:
            resident = max(_resident_bytes(pid) for pid in pool.worker_pids)
            after_quarter = after_quarter or (resident if done >= count // 4 else 0)
            _print_row(done, started, resident, pool.counts.worker_memory_bytes)
        jobs = [_job(rng, photos, filters.names) for _ in range(max(1, count // 8))]
        for few in range(0, len(jobs), 2 * workers):
            await asyncio.gather(*(pool.stylize(job) for job in jobs[few : few + 2 * workers]))
    resident = max(_resident_bytes(pid) for pid in pool.worker_pids)
    _print_row(pool.counts.jobs_done, started, resident, pool.counts.worker_memory_bytes)
    has_grown = resident - after_quarter > max(_LARGEST_GROWTH * after_quarter, _LARGEST_GROWTH_BYTES)
    is_whole = pool.counts.workers_replaced == 0
    await pool.stop(5)
    return int(has_grown or not is_whole)


def _job(rng: np.random.Generator, photos: list[Image.Image], names: tuple[str, ...]) -> StylizeJob:
    """Return a job of a random size (from 20x20 to about 2 megapixels), kind, filter and settings."""
    longer = int(20 * 80 ** rng.random())
    photo = photos[rng.integers(len(photos))].resize((longer, int(longer * rng.uniform(0.5, 1)) or 1))
    stream = io.BytesIO()
    photo.save(stream, str(rng.choice(_KINDS)))
    first, second = rng.choice(names, 2, replace=False)
    name = str(first) if rng.random() < 0.9 else f"{first}:0.6,{second}:0.4"
    return StylizeJob(stream.getvalue(), name, **_SETTINGS[rng.integers(len(_SETTINGS))])


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _print_row(done: int, started: float, resident: int, peak: int) -> None:
    seconds = time.perf_counter() - started
    print(f"| {done} | {seconds:.0f} | {resident / 1e6:.0f} | {peak / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
