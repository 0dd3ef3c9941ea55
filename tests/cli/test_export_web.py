"""`pix2style export --web`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pix2style.export.web.ort_web import FILES


@pytest.fixture
def ort_web(tmp_path: Path) -> Path:
    folder = tmp_path / "onnxruntime-web"
    folder.mkdir()
    for files in FILES.values():
        for name in files.values():
            (folder / name).write_text("stand-in")
    return folder


def test_a_filter_file_needs_no_extra(
    pix2style, lite_file, ort_web: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pix2style.cli.export_web.require", pytest.fail)
    code, out, err = pix2style("export", lite_file(), "--web", tmp_path / "page", "--ort-web", ort_web)
    assert code == 0, err
    assert out.splitlines()[0] == f"{tmp_path / 'page'}: a page with 1 filter: 1-12-2"
    assert "MB in all; a visitor's browser loads" in out
    assert f"next: python3 -m http.server -d {tmp_path / 'page'}" in err
    assert (tmp_path / "page/index.html").is_file()
    code, out, err = pix2style("export", lite_file(), "--web", tmp_path / "two", "--ort-web", ort_web, "--json")
    assert json.loads(out)["filters"] == ["1-12-2"]


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("FILTER", "--web", "page", "--precision", "int8"), (2, "--web writes a page: leave out --out, --precision")),
        (("FILTER", "--web", "page", "-o", "x.onnx"), (2, "--web writes a page: leave out")),
        (("FILTER", "--ort-web", "x"), (2, "--ort-web is for --web FOLDER")),
        (("FILTER", "other"), (2, "other: export takes one run, and several only with --web")),
        (
            ("missing.onnx", "--web", "page"),
            (4, "missing.onnx: no such filter"),
        ),
        (("notes.txt", "--web", "page"), (4, "notes.txt: ONNX Runtime")),
        (("FILTER", "--web", "full"), (4, "full: exists already: choose a new folder")),
        (("FILTER", "--web", "notes.txt"), (4, "notes.txt: exists already: choose a new folder")),
        (
            ("FILTER", "--web", "page", "--ort-web", "nowhere"),
            (4, "nowhere: does not exist: name the folder"),
        ),
    ],
)
def test_refusals_leave_nothing(
    pix2style, lite_file, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, arguments, refusal
) -> None:
    code, message = refusal
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    for path in ("full/x", "notes.txt"):
        (tmp_path / path).write_text("text")
    before = sorted(tmp_path.rglob("*"))
    given = [lite_file() if argument == "FILTER" else argument for argument in arguments]
    exit_code, _, err = pix2style("export", *given)
    assert (exit_code, message in err) == (code, True), err
    assert sorted(tmp_path.rglob("*")) == before
