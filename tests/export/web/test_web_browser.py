"""The page in a real, headless Chromium: pixels, keyboard, phone, camera, graphics card, accessibility.

Skipped where Chromium, playwright (`uv sync --group browser`) or the files of ONNX Runtime Web are missing. Any
`pix2style export ... --web` brings the latter. `PIX2STYLE_AXE` names axe-core's file axe.min.js.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pix2style.errors import ArtifactError
from pix2style.export.web import ort_web
from pix2style.export.web.page import write_page
from pix2style.export.web.page_filters import read_filters
from pix2style.images import Image8, encode_png, read_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (group browser)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
_GPU_FLAGS = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
_LONG_MS = 250_000
# So that small photos are stylized in tiles, made smaller and refused.
_LIMITS = {"untiled_pixels": 5_000, "tile_px": 64, "max_pixels": 40_000, "refused_pixels": 400_000}
_MAX_LEVELS, _MEAN_LEVELS = 1, 0.001


@pytest.fixture(scope="module")
def filters(lite_file: Callable[..., Path]) -> list[Path]:
    return [lite_file(), lite_file(styles=3)]


@pytest.fixture(scope="module")
def page_folder(filters: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ort_web, "_fetch", _fetch_nothing)
        try:
            files = ort_web.find_ort_web()
        except ArtifactError:
            pytest.skip("the files of ONNX Runtime Web are not in the cache")
    folder = tmp_path_factory.mktemp("site") / "some/where/page"
    write_page(read_filters(filters), folder, files)
    _change_limits(folder / "page.json")
    return folder


@pytest.fixture(scope="module")
def site(page_folder: Path) -> Iterator[str]:
    """A page in a sub-folder of a web server; gives its address."""
    with _serve(page_folder.parents[2]) as address:
        yield f"{address}/some/where/page/"


def _fetch_nothing(cache: Path) -> None:
    raise ArtifactError(f"{cache}: tests fetch nothing")


def _change_limits(path: Path) -> None:
    value = json.loads(path.read_text())
    value["limits"].update(_LIMITS)
    path.write_text(json.dumps(value))


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def _serve(root: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def chromium(site: str) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@contextmanager
def _visit(browser: Any, site: str, **options: Any) -> Iterator[Any]:
    """Open the page and wait until it is ready; afterwards there must be no errors and no request to another host."""
    context = browser.new_context(**options)
    tab = context.new_page()
    messages, addresses = [], []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.on("requestfailed", lambda request: messages.append(f"{request.url} failed"))
    tab.on("request", lambda request: addresses.append(request.url))
    tab.goto(site)
    _wait(tab, "Ready")
    yield tab
    context.close()
    assert messages == []
    assert [address for address in addresses if not address.startswith((site, "blob:"))] == []


@pytest.fixture
def visit(chromium: Any, site: str) -> Iterator[Any]:
    with _visit(chromium, site) as tab:
        yield tab


def _wait(tab: Any, status: str) -> None:
    playwright.expect(tab.locator("#status")).to_have_text(re.compile(f"^{status}"), timeout=_LONG_MS)
    assert not tab.is_visible("#error")


def _give(tab: Any, photo: Image8, alpha: Image8 | None = None) -> None:
    """Choose a photo, and wait for its stylized form."""
    pixels = photo if alpha is None else np.dstack([photo, alpha])
    tab.set_input_files("#file", {"name": "a photo.png", "mimeType": "image/png", "buffer": encode_png(pixels)})
    _wait(tab, "Done")


def _choose(tab: Any, name: str) -> None:
    """Choose a filter, and wait until it is open."""
    tab.get_by_label(name).check()
    playwright.expect(tab.locator("#about")).to_have_text(re.compile(f"^Filter {name}"), timeout=_LONG_MS)


def _saved(tab: Any, tmp_path: Path, kind: str = "image/png") -> Any:
    tab.select_option("#format", kind)
    with tab.expect_download() as download:
        tab.click("#save")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return read_picture(path)


def _assert_near(actual: Image8, expected: Image8) -> None:
    difference = np.abs(actual.astype(int) - expected)
    assert difference.max() <= _MAX_LEVELS
    assert difference.mean() <= _MEAN_LEVELS


def test_pixels_equal_those_of_python(visit: Any, filters: list[Path], photos, tmp_path: Path) -> None:
    photo = photos(1, 97, 131)[0]
    _give(visit, photo)
    _assert_near(_saved(visit, tmp_path).rgb, OnnxStylizer(filters[0])(photo))
    visit.locator("#strength").fill("40")
    saved = _saved(visit, tmp_path)
    _assert_near(saved.rgb, OnnxStylizer(filters[0], strength=0.4)(photo))
    assert visit.text_content("#strength-text") == "40 %"
    jpeg = _saved(visit, tmp_path, "image/jpeg")
    assert np.abs(jpeg.rgb.astype(int) - saved.rgb).mean() < 4
    assert (tmp_path / "a photo-stylized.jpg").is_file()


def test_a_second_photo_with_another_filter(visit: Any, filters: list[Path], photos, tmp_path: Path) -> None:
    _give(visit, photos(1, 20, 33)[0])
    second, alpha = photos(2, 50, 41)[1], np.full((50, 41), 255, np.uint8)
    alpha[:20] = 0
    _give(visit, second, alpha)
    _choose(visit, "3-12-2: 1")
    _wait(visit, "Done")
    white = np.where(alpha[..., None] == 0, 255, second).astype(np.uint8)
    saved = _saved(visit, tmp_path)
    assert np.array_equal(saved.alpha, alpha)
    _assert_near(saved.rgb[20:], OnnxStylizer(filters[1], style=1)(white)[20:])
    assert "float32 weights, computed on the processor" in visit.text_content("#about")


def test_a_photo_between_two_filters(visit: Any, filters: list[Path], photos, tmp_path: Path) -> None:
    """It is not lost, and the photo before it is not drawn in its place."""
    _give(visit, photos(1, 20, 33)[0])
    second = photos(2, 50, 41)[1]
    visit.get_by_label("3-12-2: 2").check()
    visit.set_input_files("#file", {"name": "b.png", "mimeType": "image/png", "buffer": encode_png(second)})
    visit.get_by_label("3-12-2: 1").check()
    _wait(visit, "Done: 41 x 50 pixels")
    _assert_near(_saved(visit, tmp_path).rgb, OnnxStylizer(filters[1], style=1)(second))


def test_photos_that_do_not_fit(visit: Any, photos) -> None:
    visit.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    error = visit.locator("#error")
    playwright.expect(error).to_have_text(
        "notes.txt is not a picture that this browser can read: choose a JPEG, PNG or WebP."
    )
    too_large = {"name": "big.png", "mimeType": "image/png", "buffer": encode_png(photos(1, 600, 700)[0])}
    visit.set_input_files("#file", too_large)
    playwright.expect(error).to_have_text(re.compile("^big.png has 0 megapixels, but this page takes at most"))
    _give(visit, photos(1, 200, 300)[0])
    assert "It was made smaller first, from 300 x 200 to 244 x 163 pixels." in visit.text_content("#status")
    assert visit.evaluate("(({ width, height }) => [width, height])(document.getElementById('after'))") == [244, 163]


def test_the_page_is_isolated_until_another_page_takes_its_place(
    chromium: Any, page_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(page_folder, tmp_path / "page")
    with _serve(tmp_path) as address, closing(chromium.new_context()) as context:
        tab = context.new_page()
        tab.goto(f"{address}/page/")
        _wait(tab, "Ready")
        threads = min(4, tab.evaluate("navigator.hardwareConcurrency"))
        if threads == 1:
            pytest.skip("this machine has one core")
        assert f"computed on the processor (WebAssembly), {threads} threads." in tab.text_content("#about")
        (tmp_path / "page/index.html").write_text("<h1>Another page</h1>")
        for _ in range(2):  # the first one is still answered by the worker
            tab.goto(f"{address}/page/")
            assert not tab.evaluate("crossOriginIsolated")
        assert tab.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0


def test_the_page_works_though_its_isolation_cannot_be_installed(
    chromium: Any, page_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(page_folder, tmp_path / "page")
    script = tmp_path / "page" / "isolate.js"
    assert "READY_MS = 10_000" in script.read_text()
    script.write_text(script.read_text().replace("READY_MS = 10_000", "READY_MS = 10"))
    fails = 'addEventListener("install", (event) => event.waitUntil(Promise.reject()))'
    (tmp_path / "page/service-worker.js").write_text(fails)
    with _serve(tmp_path) as address, closing(chromium.new_context()) as context:
        tab = context.new_page()
        tab.goto(f"{address}/page/")
        _wait(tab, "Ready")
        assert not tab.evaluate("crossOriginIsolated")


def test_keyboard_alone(visit: Any, photos) -> None:
    _give(visit, photos(1, 40, 60)[0])
    visit.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(9):
        visit.keyboard.press("Tab")
        reached.append(visit.evaluate("document.activeElement.id || document.activeElement.name"))
    assert reached[:7] == ["split", "file", "camera", "filter", "strength", "format", "save"]
    visit.focus("#split")
    visit.keyboard.press("ArrowLeft")
    visit.keyboard.press("Home")
    assert visit.get_attribute("#split", "aria-valuetext") == "100 % stylized"
    assert visit.evaluate("getComputedStyle(document.getElementById('after')).clipPath") == "inset(0px 0px 0px 0%)"
    visit.focus("[name=filter]")
    visit.keyboard.press("ArrowRight")
    playwright.expect(visit.locator("#about")).to_have_text(re.compile("^Filter 3-12-2: 0"), timeout=_LONG_MS)


def test_drop_and_camera(visit: Any) -> None:
    visit.evaluate(
        """async () => {
          const canvas = new OffscreenCanvas(64, 48);
          canvas.getContext("2d").fillRect(0, 0, 9, 9);
          const data = new DataTransfer();
          data.items.add(new File([await canvas.convertToBlob()], "dropped.png", { type: "image/png" }));
          document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    _wait(visit, "Done: 64 x 48 pixels")
    visit.click("#camera")
    _wait(visit, "Camera: ")
    _choose(visit, "3-12-2: 2")
    _wait(visit, "Camera: ")
    visit.click("#snap")
    _wait(visit, "Done: ")
    assert visit.is_enabled("#save")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (360, 640)])
def test_accessibility_and_width(chromium: Any, site: str, photos, size: tuple[int, int], scheme: str) -> None:
    axe = Path(os.environ.get("PIX2STYLE_AXE", "missing"))
    view = {"width": size[0], "height": size[1]}
    with _visit(chromium, site, viewport=view, color_scheme=scheme, bypass_csp=True) as tab:
        _give(tab, photos(1, 150, 220)[0])
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if axe.is_file():
            tab.add_script_tag(path=axe)
            found = tab.evaluate("axe.run().then(({ violations }) => violations.map(({ id, impact }) => [id, impact]))")
            assert found == []


def test_the_graphics_card_gives_the_same_pixels(
    chromium: Any, site: str, filters: list[Path], photos, tmp_path: Path
) -> None:
    photo = photos(1, 24, 31)[0]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=[*_FLAGS, *_GPU_FLAGS])
    with _visit(browser, site) as tab:
        tab.select_option("#compute", "webgpu")
        _wait(tab, "Ready")
        playwright.expect(tab.locator("#about")).to_have_text(
            re.compile("computed on the (graphics card|processor)"), timeout=_LONG_MS
        )
        _give(tab, photo)
        if "on the graphics card (WebGPU)" not in tab.text_content("#about"):
            pytest.skip("this Chromium has no WebGPU")
        _assert_near(_saved(tab, tmp_path).rgb, OnnxStylizer(filters[0])(photo))
    browser.close()
