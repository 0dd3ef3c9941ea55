"""`pix2style export --for`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pix2style.runtime import onnx_stylizer

Pix2Style = Callable[..., tuple[int, str, str]]


def test_a_filter_file_becomes_a_package_and_a_node(
    pix2style: Pix2Style, lite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = pix2style("export", lite_file(), "--for", "darktable")
    assert code == 0, err
    [package] = tmp_path.glob("*.dtmodel")
    assert out.startswith(f"{package.name}: ")
    code, out, err = pix2style("export", lite_file(), "--for", "comfyui", "-o", "node", "--json")
    assert code == 0, err
    assert json.loads(out)["path"] == "node"
    assert sorted(path.name for path in (tmp_path / "node").iterdir()) == [
        "README.md",
        "__init__.py",
        "filters",
        "node.py",
        "requirements.txt",
    ]


def test_the_name_in_a_file_leads_to_no_other_folder(
    pix2style: Pix2Style, lite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_spec = onnx_stylizer.read_spec
    monkeypatch.setattr(
        onnx_stylizer, "read_spec", lambda session, path: replace(read_spec(session, path), name="../../x/y")
    )
    monkeypatch.chdir(tmp_path)
    assert pix2style("export", lite_file(), "--for", "comfyui", "-o", "node")[0] == 0
    assert [path.name for path in (tmp_path / "node" / "filters").iterdir()] == ["x-y.onnx"]
    code, out, err = pix2style("export", lite_file(), "--for", "darktable")
    assert (code, out.startswith("x-y.dtmodel: ")) == (0, True), err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("FILTER", "--for", "darktable", "-o", "x.zip"), 2, "--out x.zip: darktable imports files that end in"),
        (("FILTER", "FILTER", "--for", "darktable"), 2, "a package of darktable holds one filter"),
        (("FILTER", "--for", "comfyui"), 2, "--for comfyui writes a folder: add -o FOLDER"),
        (("FILTER", "FILTER", "--for", "comfyui", "-o", "node"), 2, "two of the filters have one name"),
        (("FILTER", "--for", "darktable", "--precision", "int8"), 2, "--for darktable has one form: leave out"),
        (("nowhere", "--for", "darktable"), 4, "nowhere: no such filter: expected"),
        (("FILTER", "--for", "darktable", "--licence", "MIT"), 2, "--licence: for runs only"),
        (("FILTER", "--web", "page", "--style", "1"), 2, "--style: for runs only"),
        (("FILTER",), 2, "is a filter already: add --web FOLDER, --for darktable or --for comfyui"),
        (("great-wave",), 2, "great-wave: is a filter already: add --web FOLDER"),
        (("FILTER", "--for", "opencv"), 2, "is a filter already: --for opencv takes a run, because an 8-bit file"),
        (("great-wave", "--for-opencv"), 2, "great-wave: is a filter already: --for opencv takes a run"),
        (("FILTER", "--for", "photoshop"), 2, "photoshop"),
        (("notes.txt", "--for", "comfyui", "-o", "node"), 4, "notes.txt: ONNX Runtime"),
    ],
)
def test_refusals(
    pix2style: Pix2Style,
    lite_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("no filter")
    words = [str(lite_file()) if argument == "FILTER" else argument for argument in arguments]
    exit_code, _, err = pix2style("export", *words)
    assert (exit_code, message in err) == (code, True), err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
