"""Measure the studio by its HTTP interface: its start, and the first stylized picture after a drop of 1 megapixel.

    python benchmarks/studio.py [FILTER...] [--rounds 5] [--cores 2]

Each round starts the program anew, as a person does. The bars are 5 s for the start and 1 s for the picture, on two
cores.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from pix2style.recipes.quickstart import sample_photos

_SIZE = (1155, 866)  # 1.0 megapixels
_START_BAR_S, _PICTURE_BAR_S = 5.0, 1.0


def main() -> None:
    """Print the medians of all rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("filters", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    photo = _photo()
    rows = [_round(arguments.filters, photo) for _ in range(arguments.rounds)]
    for place, (name, bar_s) in enumerate(_MEASURED):
        seconds = [row[place] for row in rows]
        bar = "" if bar_s is None else f"   bar {bar_s:g} s"
        print(f"{name:<44} median {statistics.median(seconds):.2f} s   worst {max(seconds):.2f} s{bar}")


_MEASURED = (
    ("start, until the page is answered", _START_BAR_S),
    ("from the drop to the first picture", _PICTURE_BAR_S),
    ("another strength", None),
    ("thumbnails in all filters", None),
    ("download in full size", None),
)


def _photo() -> bytes:
    """Return a sample photo in 1 megapixel as a JPEG file."""
    stream = io.BytesIO()
    with Image.open(min(sample_photos().glob("*.jpg"))) as opened:
        opened.convert("RGB").resize(_SIZE, Image.Resampling.LANCZOS).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def _round(filters: Sequence[str], photo: bytes) -> list[float]:
    began_s = time.perf_counter()
    with _running(filters) as address:
        _ask(address + "/")
        start_s = time.perf_counter() - began_s
        listed = json.loads(_ask(f"{address}/api/studio"))["filters"]
        marks = [time.perf_counter()]
        base = f"{address}/api/photos/{json.loads(_ask(f'{address}/api/photos?name=p.jpg', photo))['id']}"
        choice = {"filters": [{"id": listed[0]["id"]}]}
        _ask(f"{base}/preview", json.dumps(choice).encode())
        marks.append(time.perf_counter())
        _ask(f"{base}/preview", json.dumps({**choice, "strength": 0.5}).encode())
        marks.append(time.perf_counter())
        for filter_ in listed:
            _ask(f"{base}/thumbnails/{filter_['id']}")
        marks.append(time.perf_counter())
        _ask(f"{base}/result", json.dumps(choice).encode())
        marks.append(time.perf_counter())
    return [start_s, *(after - before for before, after in itertools.pairwise(marks))]


@contextlib.contextmanager
def _running(filters: Sequence[str]) -> Iterator[str]:
    command = [sys.executable, "-m", "pix2style", "studio", *filters, "--port", "0", "--no-open"]
    folder = str(Path.cwd())
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://\S+(?=/)", line)
            if found is None:
                sys.exit(f"the studio did not start: {line}")
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)


def _ask(address: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, body), timeout=120) as answer:  # noqa: S310
        data: bytes = answer.read()
        return data


if __name__ == "__main__":
    main()
