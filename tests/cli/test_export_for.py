"""`pix2style export --for`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pix2style.config import Config
from pix2style.export.run import ExportSource
from pix2style.export.web.browser_filter import fit_for_browsers
from pix2style.runtime import onnx_stylizer
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.training.run.train import train

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


def test_a_filter_of_a_web_page_is_refused(
    pix2style: Pix2Style, lite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs give the photo alone, and the glimpse of these files has no default."""
    monkeypatch.chdir(tmp_path)
    Path("page.onnx").write_bytes(fit_for_browsers(lite_file().read_bytes()))
    for program in (["darktable"], ["comfyui", "-o", "node"]):
        code, _, err = pix2style("export", "page.onnx", "--for", *program)
        assert (code, "needs the input glimpse as well" in err) == (4, True), err
    assert [path.name for path in tmp_path.iterdir()] == ["page.onnx"]


@pytest.fixture(scope="module")
def normalised_run(experiment: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a lightweight generator with `norm: instance`, trained for two steps."""
    run = tmp_path_factory.mktemp("runs") / "normalised"
    train(experiment("model.lite.norm=instance", "train.images=8"), run)
    return run


def test_a_folder_in_use_is_refused_before_anything_is_exported(
    pix2style: Pix2Style, normalised_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExportSource, "export", None)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "mine.txt").touch()
    code, _, err = pix2style("export", normalised_run, "--for", "comfyui", "-o", tmp_path / "node")
    assert (code, "node: exists already" in err) == (3, True), err


def test_a_normalised_run_for_opencv(
    pix2style: Pix2Style, normalised_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV has no 8-bit convolution with computed scales; it runs the float32 file."""
    pytest.importorskip("cv2")
    code, out, err = pix2style("export", normalised_run, "--for", "opencv", "-o", tmp_path / "f.onnx")
    assert code == 0, err
    assert "checked in OpenCV" in out
    assert OnnxStylizer(tmp_path / "f.onnx").spec.precision == "fp32"
    monkeypatch.setattr(ExportSource, "export", None)
    for option in (["--precision", "all"], ["--package", tmp_path / "package"]):
        code, _, err = pix2style("export", normalised_run, "--for", "opencv", *option)
        assert (code, "OpenCV cannot run its int8 file" in err) == (2, True), err
