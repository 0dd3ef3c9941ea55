r"""Measure a page of `pix2style export --web` in headless Chromium, and take its picture for the documentation.

    pix2style export FILTER.int8.onnx FILTER.fp16.onnx --web page
    uv sync --group browser
    taskset -c 0,1 python benchmarks/web_page.py page PHOTO.jpg
    python benchmarks/web_page.py page PHOTO.jpg --docs docs/web-page.jpg

Each round starts a new browser with an empty cache. "Ready" is the time from opening the page to the word Ready, and
"first picture" that from giving the photo, scaled to 1 megapixel, to the word Done.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import io
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

_MEGAPIXEL = 1_000_000
_WAIT_MS = 120_000
_DOCS_BYTES = 150_000
_DOCS_SIZE = {"width": 800, "height": 800}


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Stay silent."""


def main() -> None:
    """Measure, or take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--docs", type=Path, help="take a picture of the page instead")
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Handler, directory=str(arguments.page))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as playwright:
        if arguments.docs:
            _picture(playwright, arguments, address)
        else:
            _measure(playwright, arguments, address)


def _measure(playwright: Any, arguments: argparse.Namespace, address: str) -> None:
    photo = _photo(arguments.photo, _MEGAPIXEL)
    rows = []
    for _ in range(arguments.rounds):
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        started = time.perf_counter()
        tab.goto(address)
        _wait(tab, "Ready")
        ready = time.perf_counter() - started
        times = []
        for _ in range(2):
            started = time.perf_counter()
            _give(tab, photo)
            times.append(time.perf_counter() - started)
        rows.append((ready, *times))
        about = tab.text_content("#about")
        browser.close()
    print(about)
    for name, values in zip(("ready", "first picture", "second picture"), zip(*rows, strict=True), strict=True):
        spread = f"{min(values):.2f} to {max(values):.2f}"
        print(f"{name}: median {statistics.median(values):.2f} s of {len(values)} ({spread})")


def _picture(playwright: Any, arguments: argparse.Namespace, address: str) -> None:
    browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
    tab = browser.new_page(viewport=_DOCS_SIZE)
    tab.goto(address)
    _wait(tab, "Ready")
    _give(tab, _photo(arguments.photo, _MEGAPIXEL // 2))
    picture = Image.open(io.BytesIO(tab.screenshot(full_page=True))).convert("RGB")
    browser.close()
    for quality in range(90, 40, -5):
        picture.save(arguments.docs, quality=quality, optimize=True)
        if arguments.docs.stat().st_size <= _DOCS_BYTES:
            return


def _photo(path: Path, pixels: int) -> bytes:
    image = Image.open(path).convert("RGB")
    scale = (pixels / (image.width * image.height)) ** 0.5
    stream = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale))).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def _give(tab: Any, photo: bytes) -> None:
    tab.evaluate("document.getElementById('status').textContent = ''")
    tab.set_input_files("#file", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
    _wait(tab, "Done")


def _wait(tab: Any, status: str) -> None:
    """Wait for a status by watching it in every frame. Playwright's `expect` looks after 0.1, 0.35, 0.85 and 1.85 s."""
    shows = "status => document.getElementById('status')?.textContent.startsWith(status)"
    tab.wait_for_function(shows, arg=status, polling="raf", timeout=_WAIT_MS)


if __name__ == "__main__":
    main()
