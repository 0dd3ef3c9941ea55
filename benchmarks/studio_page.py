r"""Look at the studio's page in headless Chromium: pictures of every tab, and what must hold in a browser.

    pix2style studio --no-open &
    pip install playwright && npm install axe-core
    python benchmarks/studio_page.py http://127.0.0.1:7860/ PHOTO... --clip CLIP --out pictures \
        --axe node_modules/axe-core/axe.min.js --chromium /usr/bin/chromium

It drops the photos, and checks that a stylized picture appears, that keys move tabs, line and mask, that a download
comes, that nothing is written to the console, that no request goes to another host, and that axe finds no serious or
critical fault, on a desktop and on a phone, light and dark. Exit code 1 if something fails. `--docs docs/studio.jpg`
writes the picture of the documentation instead.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"desktop": (1360, 860), "phone": (390, 844)}
TABS = ("photo", "camera", "clip", "train")
_WAIT_MS = 120_000
_POLL_MS = 100
_ALL_TILES = (
    "((all) => all.length && all.every((one) => one.naturalWidth))([...document.querySelectorAll('.tile img')])"
)
_DOCS_BYTES = 150_000
_DOCS_SIZE = (1180, 900)
failures: list[str] = []


def main() -> None:
    """Look at all tabs in all sizes and schemes."""
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=flags)
        if arguments.docs:
            _picture_for_docs(browser, arguments)
        else:
            for size in SIZES:
                for scheme in ("light", "dark"):
                    _look_at_all(browser, arguments, size, scheme)
        browser.close()
    for failure in failures:
        print(f"failed: {failure}")
    sys.exit(1 if failures else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--axe", type=Path)
    parser.add_argument("--chromium")
    parser.add_argument("--out", type=Path, default=Path("studio-pictures"))
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--filter", default="great-wave", help="filter in the picture of the documentation")
    return parser.parse_args()


@contextmanager
def _opened(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> Iterator[Page]:
    """Open the page, and note what it says in the console and which hosts it asks."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, permissions=["camera"]
    )
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    own = urlsplit(address).netloc
    page.on("console", lambda message: failures.append(f"console: {message.type}: {message.text}"))
    page.on("pageerror", lambda error: failures.append(f"script: {error}"))
    page.on("request", lambda request: _check_host(request.url, own))
    page.goto(address)
    page.wait_for_selector("html[data-ready=yes]")
    yield page
    context.close()


def _check_host(url: str, own: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("blob", "data") and parts.netloc != own:
        failures.append(f"a request to another host: {url}")


def _look_at_all(browser: Browser, arguments: argparse.Namespace, size: str, scheme: str) -> None:
    with _opened(browser, arguments.address, SIZES[size], scheme) as page:
        look = _Look(page, arguments, f"{size}-{scheme}")
        look.at("empty")
        _try_photo(page, arguments, look)
        for tab in TABS[1:]:
            page.click(f"#tab-{tab}")
            if tab == "camera":
                page.click("#camera-start")
                _wait(page, "document.getElementById('camera-facts').textContent.includes('frames/s')")
                page.wait_for_timeout(1500)
            if tab == "clip" and arguments.clip and size == "desktop" and scheme == "light":
                page.set_input_files("#clip-file", arguments.clip)
                page.click("#clip-start:enabled")
                page.wait_for_selector("#clip-after:not([hidden])")
                page.wait_for_timeout(1000)
            look.at(tab)
        _try_tab_keys(page)
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        _check(width <= 0, f"{size}: the page is {width} px wider than the window")


def _try_photo(page: Page, arguments: argparse.Namespace, look: _Look) -> None:
    page.set_input_files("#photo-files", arguments.photos)
    _wait(page, "document.querySelector('.compare img.after').src.startsWith('blob:')")
    _wait(page, "document.getElementById('status').textContent.startsWith('Stylized')")
    _wait(page, _ALL_TILES)
    look.at("photo")
    page.focus(".compare input[type=range]")
    before = page.evaluate("document.querySelector('.compare').style.getPropertyValue('--split')")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("document.querySelector('.compare').style.getPropertyValue('--split')")
    _check(before != after, "the arrow key does not move the line")
    page.check("#mask-on")
    page.focus(".compare canvas")
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    _wait(page, "document.getElementById('status').textContent.startsWith('Stylized')")
    look.at("mask")
    page.uncheck("#mask-on")
    with page.expect_download() as download:
        page.click("#photo-download")
    with Image.open(download.value.path()) as saved, Image.open(arguments.photos[0]) as photo:
        _check(saved.size == photo.size or saved.size == photo.size[::-1], "the download has another size")


def _try_tab_keys(page: Page) -> None:
    page.focus("#tab-train")
    page.keyboard.press("ArrowRight")
    _check(page.get_attribute("#tab-photo", "aria-selected") == "true", "the arrow key does not choose the next tab")


class _Look:
    """Takes pictures of a page and asks axe about it."""

    def __init__(self, page: Page, arguments: argparse.Namespace, name: str) -> None:
        self._page, self._arguments, self._name = page, arguments, name

    def at(self, what: str) -> None:
        """Take a picture, and note serious faults."""
        self._page.screenshot(path=self._arguments.out / f"{what}-{self._name}.png", full_page=True)
        if self._arguments.axe is None:
            return
        # Evaluated by the debugger, so that the page's own rules for scripts need not allow it.
        self._page.evaluate(self._arguments.axe.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self._page.evaluate("axe.run().then((result) => result.violations)")
        for fault in found:
            targets = [node["target"] for node in fault["nodes"]][:3]
            text = f"axe, {what}-{self._name}: {fault['impact']}: {fault['id']}: {targets}"
            print(text)
            if fault["impact"] in ("serious", "critical"):
                failures.append(text)


def _picture_for_docs(browser: Browser, arguments: argparse.Namespace) -> None:
    """Write the picture of the photo tab that the documentation shows."""
    with _opened(browser, arguments.address, _DOCS_SIZE, "light") as page:
        page.set_input_files("#photo-files", arguments.photos)
        _wait(page, _ALL_TILES)
        page.locator(".tile", has_text=arguments.filter).click()
        page.wait_for_timeout(3000)
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in range(90, 30, -5):
        shot.save(arguments.docs, quality=quality, optimize=True)
        if arguments.docs.stat().st_size <= _DOCS_BYTES:
            return


def _wait(page: Page, condition: str) -> None:
    """Wait until a condition holds; Playwright's own way needs `eval`, which the page does not allow."""
    for _ in range(_WAIT_MS // _POLL_MS):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(_POLL_MS)
    raise TimeoutError(condition)


def _check(is_right: bool, failure: str) -> None:
    if not is_right:
        failures.append(failure)


if __name__ == "__main__":
    main()
