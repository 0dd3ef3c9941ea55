"""The folder of a web page: what it holds, and what is refused. What browsers do with it: `test_web_browser.py`."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pix2style.errors import ArtifactError, ConfigError
from pix2style.export.web import page
from pix2style.export.web.browser_filter import fit_for_browsers
from pix2style.export.web.ort_web import OrtWeb, find_ort_web
from pix2style.export.web.page import LIMITS, write_page
from pix2style.export.web.page_filters import file_name, read_filters
from pix2style.files import sha256_bytes
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.runtime.content_digest import check_content
from pix2style.runtime.onnx_stylizer import OnnxStylizer

Photos = Callable[..., list[Image8]]


@pytest.fixture
def ort_web(stand_in: Path) -> OrtWeb:
    return find_ort_web(stand_in)


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def test_filters_for_browsers_need_their_inputs_and_give_the_same_pixels(lite_file, photos: Photos) -> None:
    path, photo = lite_file(styles=3), photos(1, 37, 50)[0]
    data = fit_for_browsers(path.read_bytes())
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    assert check_content(data) == "matches"
    session = _session(data)
    assert [value.name for value in session.get_inputs()] == ["photo", "style", "glimpse"]
    assert [value.name for value in session.get_overridable_initializers()] == []
    for style in range(3):
        inputs = {"photo": photo[None], "style": np.eye(3, dtype=np.float32)[style], "glimpse": glimpse(photo)[None]}
        assert np.array_equal(session.run(None, inputs)[0][0], OnnxStylizer(path, style=style)(photo))
    assert fit_for_browsers(data) == data


def test_a_page_has_all_that_it_needs(lite_file, plain_filter: Path, ort_web: OrtWeb, tmp_path: Path) -> None:
    filters = read_filters([lite_file(), plain_filter])
    report = write_page(filters, tmp_path / "page", ort_web)
    written = {path.relative_to(tmp_path / "page").as_posix() for path in (tmp_path / "page").rglob("*.*")}
    assert written == {
        *("index.html", "page.css", "page.js", "camera.js", "worker.js", "runtime.js", "arithmetic.js", "icon.svg"),
        *("isolate.js", "service-worker.js"),
        *("page.json", "filters/1-12-2.onnx", "filters/plain.onnx", "ort/ThirdPartyNotices.txt"),
        *("ort/ort.wasm.min.js", "ort/ort-wasm-simd-threaded.js", "ort/ort-wasm-simd-threaded.wasm"),
        *("ort/ort.webgpu.min.js", "ort/ort-wasm-simd-threaded.asyncify.js"),
        "ort/ort-wasm-simd-threaded.asyncify.wasm",
    }
    assert "MIT License" in (tmp_path / "page/ort/LICENSE").read_text()
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "page").rglob("*") if path.is_file())
    assert report.filters == ("1-12-2", "plain")
    assert report.ort_web == "unknown"
    assert all(0 < size < report.bytes for size in report.visit_bytes.values())


def test_the_description_of_a_page(lite_file, plain_filter: Path, ort_web: OrtWeb, tmp_path: Path) -> None:
    write_page(read_filters([lite_file(), plain_filter]), tmp_path / "page", ort_web)
    value = json.loads((tmp_path / "page/page.json").read_text())
    assert value["schema_version"] == 1
    assert value["title"] == "Photo filters"
    assert value["limits"] == LIMITS
    lite, plain = value["filters"]
    assert (lite["name"], lite["glimpse_px"], lite["can_tile"], lite["style"]) == ("1-12-2", 96, True, None)
    assert (plain["name"], plain["glimpse_px"], plain["can_tile"], plain["licence"]) == ("plain", 0, False, "CC0-1.0")
    assert plain["receptive_field_px"] == lite["receptive_field_px"] > 0
    for entry in [*lite["files"].values(), *plain["files"].values(), *value["runtime"]["wasm"].values()]:
        data = (tmp_path / "page" / entry["path"]).read_bytes()
        assert len(data) == entry["bytes"]
        assert sha256_bytes(data) == entry.get("sha256", sha256_bytes(data))


def test_a_filter_of_several_styles_is_shown_as_several(lite_file, ort_web: OrtWeb, tmp_path: Path) -> None:
    write_page(read_filters([lite_file(styles=3)]), tmp_path / "page", ort_web)
    filters = json.loads((tmp_path / "page/page.json").read_text())["filters"]
    assert [entry["name"] for entry in filters] == ["3-12-2: 0", "3-12-2: 1", "3-12-2: 2"]
    assert [entry["style"] for entry in filters] == np.eye(3).tolist()
    assert len({entry["files"]["wasm"]["path"] for entry in filters}) == 1


def test_only_8_bits_leave_the_files_for_graphics_cards_out(
    lite_file, change_filter, ort_web: OrtWeb, tmp_path: Path
) -> None:
    only_8_bits = read_filters([change_filter(lite_file(), tmp_path / "wave.int8.onnx", _stating("int8"))])
    assert list(only_8_bits[0].files) == ["wasm"]
    report = write_page(only_8_bits, tmp_path / "page", ort_web)
    assert list(report.visit_bytes) == ["wasm"]
    assert not list((tmp_path / "page").rglob("*webgpu*"))
    assert json.loads((tmp_path / "page/page.json").read_text())["title"] == "wave"


def test_files_of_one_network_are_one_filter(lite_file, change_filter, tmp_path: Path) -> None:
    names = ("int8", "fp16")
    paths = [change_filter(lite_file(), tmp_path / f"wave.{name}.onnx", _stating(name)) for name in names]
    (both,) = read_filters([*paths, Path(shutil.copy(lite_file(), tmp_path / "wave.onnx"))])
    assert {backend: file.spec.precision for backend, file in both.files.items()} == {"wasm": "int8", "webgpu": "fp16"}
    (tmp_path / "other").mkdir()
    with pytest.raises(ConfigError, match=r"wave\.onnx and .*both are called 'wave', but are different"):
        read_filters([tmp_path / "wave.onnx", Path(shutil.copy(lite_file(), tmp_path / "other/wave.fp32.onnx"))])


def _stating(precision: str) -> Callable[[onnx.ModelProto], None]:
    """Return a change of a filter's description: that it has another precision."""

    def change(model: onnx.ModelProto) -> None:
        for entry in model.metadata_props:
            entry.value = entry.value.replace('"precision": "fp32"', f'"precision": "{precision}"')

    return change


def test_a_filter_of_one_size_is_refused(lite_file, change_filter, tmp_path: Path) -> None:
    def fix_size(model: onnx.ModelProto) -> None:
        for value in (model.graph.input[0], *model.graph.output):
            for axis, size in ((1, 48), (2, 64)):
                value.type.tensor_type.shape.dim[axis].dim_value = size

    with pytest.raises(ArtifactError, match="takes photos of one size only"):
        read_filters([change_filter(lite_file(), tmp_path / "fixed.onnx", fix_size)])


@pytest.mark.parametrize("name", page._ASSETS)
def test_the_page_asks_no_other_host_and_holds_no_inline_script(name: str) -> None:
    text = (Path(page.__file__).parent / "assets" / name).read_text(encoding="utf-8")
    assert (
        re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]+[^\s\"']*", text.replace("http://www.w3.org/2000/svg", "")) == []
    )
    assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", text)
    if name == "index.html":
        assert "default-src 'none'" in text
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|(?:src|href)=\"/", text)


def test_a_folder_that_holds_something_is_not_touched(plain_filter: Path, ort_web: OrtWeb, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page/mine.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="exists already: choose a new folder"):
        write_page(read_filters([plain_filter]), tmp_path / "page", ort_web)
    assert [path.name for path in tmp_path.rglob("*")] == ["page", "mine.txt"]


def test_nothing_half_written_is_left(plain_filter: Path, stand_in: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(stand_in, tmp_path / "broken"))
    found = find_ort_web(broken)
    (broken / "dist/ort-wasm-simd-threaded.asyncify.wasm").unlink()
    with pytest.raises(ArtifactError, match=r"asyncify\.wasm of ONNX Runtime Web cannot be read"):
        write_page(read_filters([plain_filter]), tmp_path / "page", found)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_names_become_addresses() -> None:
    assert file_name("Große Welle (1831)") == "groe-welle-1831"
    assert file_name("神奈川") == "filter"
    assert file_name("../../etc") == "etc"
