r"""Look at a report in headless Chromium: the picture of the documentation, and what must hold in a browser.

    pix2style report RUN -o report.html
    pip install playwright && npm install axe-core
    python benchmarks/report_page.py report.html --axe node_modules/axe-core/axe.min.js \
        --chromium /usr/bin/chromium --docs docs/report.jpg

It checks that the arrow keys move the slider and change the image, that nothing is written to the console, that nothing
is requested, and that axe finds no serious or critical fault, light and dark. Exit code 1 if something fails.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

_SIZES = {"desktop": (1180, 1000), "phone": (390, 844)}
_DOCS_BYTES = 150_000
_SHOWN = "[...document.querySelectorAll('figure:has(input) img')].findIndex((image) => !image.hidden)"
_FAULTS = (
    "axe.run().then((r) => r.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => v.id))"
)
failures: list[str] = []


def main() -> None:
    """Look at the report in all sizes and schemes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--axe", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--docs", type=Path)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for size in _SIZES:
            for scheme in ("light", "dark"):
                picture = look(browser, options.report, size, scheme, options.axe)
                if options.docs and (size, scheme) == ("desktop", "light"):
                    write_docs(picture, options.docs)
        browser.close()
    print("\n".join(failures) or "all holds")
    sys.exit(bool(failures))


def look(browser: Browser, report: Path, size: str, scheme: str, axe: Path | None) -> bytes:
    """Return a picture of the page, and add what fails."""
    width, height = _SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True)
    where, address = f"{size}, {scheme}", report.resolve().as_uri()
    page.on("console", lambda message: failures.append(f"{where}: console: {message.text}"))
    page.on("pageerror", lambda error: failures.append(f"{where}: {error}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith(("data:", address)) or failures.append(f"{where}: requests {request.url}")
        ),
    )
    page.goto(address)
    slider = page.locator("input[type=range]").first
    if slider.count():
        before = page.evaluate(_SHOWN)
        slider.focus()
        page.keyboard.press("ArrowLeft")
        if before > 0 and page.evaluate(_SHOWN) != before - 1:
            failures.append(f"{where}: the slider does not change the image")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        failures.append(f"{where}: is wider than the window")
    if axe:
        page.add_script_tag(path=axe)
        failures.extend(f"{where}: axe: {fault}" for fault in page.evaluate(_FAULTS))
    picture = page.screenshot()
    page.close()
    return picture


def write_docs(picture: bytes, path: Path) -> None:
    """Write the picture of the documentation, in the best quality that keeps it small."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for quality in range(90, 40, -5):
        image.save(path, quality=quality, optimize=True)
        if path.stat().st_size <= _DOCS_BYTES:
            break


if __name__ == "__main__":
    main()
