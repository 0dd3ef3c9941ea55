r"""Judge in headless Chromium as a person does, and check what must hold in a browser.

    pix2style judge A B --teacher T --photos PHOTOS --count 6 --votes new.jsonl --no-open &
    pip install playwright && npm install axe-core
    python benchmarks/judge_page.py http://127.0.0.1:7861/ --out pictures \
        --axe node_modules/axe-core/axe.min.js --chromium /usr/bin/chromium

It votes by keys until the results come, and checks undo, the view at 100 %, that both pictures move together, that
nothing is written to the console, that no request goes to another host, and that axe finds no fault, on a desktop in
light colours and on a phone in dark ones. Exit code 1 if something fails.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

LOOKS = {"desktop": ("light", 1300, 850), "phone": ("dark", 390, 800)}
_READY = "!document.querySelector('.waiting') && document.getElementById('status').textContent"
_PROGRESS = "document.getElementById('progress-text').textContent"
_SCROLLED = "['pane-left', 'pane-right'].map((id) => document.getElementById(id).scrollLeft)"
_IS_WIDER = "document.getElementById('left').offsetWidth > document.getElementById('pane-left').clientWidth"
failures: list[str] = []


def main() -> None:
    """Judge on a desktop and on a phone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("--axe", type=Path, required=True)
    parser.add_argument("--chromium")
    parser.add_argument("--out", type=Path, default=Path("judge-pictures"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        for name, (scheme, width, height) in LOOKS.items():
            size = {"width": width, "height": height}
            page = browser.new_context(color_scheme=scheme, viewport=size, bypass_csp=True).new_page()
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.on("console", lambda message: message.type == "error" and failures.append(message.text))
            page.on(
                "request", lambda request: request.url.startswith(arguments.address) or failures.append(request.url)
            )
            _judge(page, arguments, name)
        browser.close()
    for failure in failures:
        print(f"failed: {failure}")
    sys.exit(1 if failures else 0)


def _judge(page: Page, arguments: argparse.Namespace, name: str) -> None:
    def look(at: str) -> None:
        page.evaluate(arguments.axe.read_text(encoding="utf-8"))
        faults = [fault["id"] for fault in page.evaluate("axe.run()")["violations"]]
        _check(not faults, f"{name}, {at}: axe finds {faults}")
        _check(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}, {at}: too wide")
        page.screenshot(path=str(arguments.out / f"{name}-{at}.png"))

    def press(key: str) -> None:
        before = page.evaluate(_PROGRESS)
        page.keyboard.press(key)
        page.wait_for_function(f"(before) => {_PROGRESS} !== before", arg=before)
        page.wait_for_function(f"{_READY} || !document.getElementById('panel-end').hidden")

    page.goto(arguments.address)
    page.wait_for_function("document.getElementById('start-text').textContent")
    look("start")
    page.fill("#name", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel-pair:not([hidden])")
    page.wait_for_function(_READY)
    look("pair")
    first = page.evaluate(_PROGRESS)
    press("ArrowLeft")
    press("u")
    _check(page.evaluate(_PROGRESS) == first, f"{name}: undo does not lead back to the first pair")
    page.keyboard.press("p")
    page.click("#left")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_timeout(300)
    left, right = page.evaluate(_SCROLLED)
    is_wider = page.evaluate(_IS_WIDER)
    _check(
        left == right and is_wider == (left > 0), f"{name}: at 100 % the pictures do not move together: {left}, {right}"
    )
    look("full")
    page.keyboard.press("z")
    page.keyboard.press("p")
    question = page.inner_text("#question")
    while not page.is_visible("#panel-end"):
        press("ArrowRight")
        if page.is_visible("#panel-pair") and page.inner_text("#question") != question:
            question = page.inner_text("#question")
            look("teacher")
    look("end")


def _check(holds: bool, failure: str) -> None:
    if not holds:
        failures.append(failure)


if __name__ == "__main__":
    main()
