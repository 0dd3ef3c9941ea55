"""The command `pix2style inspect`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from pix2style.cli import main
from pix2style.errors import ArtifactError
from pix2style.files import sha256_file
from pix2style.runtime.content_digest import DIGEST_KEY
from pix2style.spec import SPEC_KEY


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["pix2style", "inspect", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_text(red_filter: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, str(red_filter)) == 0
    printed = capfd.readouterr().out
    for text in ("red-negative", "CC0-1.0", sha256_file(red_filter), "3 parameters, fp32", "watercolor", "3" * 64):
        assert text in printed


def test_json(red_filter: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, str(red_filter), "--json") == 0
    description = json.loads(capfd.readouterr().out)
    assert (description["name"], description["precision"], description["bytes"]) == (
        "red-negative",
        "fp32",
        red_filter.stat().st_size,
    )
    assert description["provenance"]["step"] == 5


def _change(source: Path, out: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(source)
    change(model)
    model.metadata_props.remove(next(entry for entry in model.metadata_props if entry.key == DIGEST_KEY))
    onnx.save(model, out)
    return out


def _describe(model: onnx.ModelProto, **values: object) -> None:
    entry = next(entry for entry in model.metadata_props if entry.key == SPEC_KEY)
    entry.value = json.dumps({**json.loads(entry.value), **values})


def test_optional_inputs_are_those_that_the_file_has(
    lite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, str(lite_file())) == 0
    printed = capfd.readouterr().out
    for text in ("strength: float32 [1]", "glimpse: uint8 [1, 96, 96, 3]", "tiles:       start at multiples of 4 px"):
        assert text in printed
    assert "digest:      matches" in printed
    # onnxslim and onnxsim make constants of the optional inputs.
    slim = _change(lite_file(), tmp_path / "slim.onnx", lambda model: model.graph.input.__delitem__(slice(1, None)))
    assert run(monkeypatch, str(slim)) == 0
    printed = capfd.readouterr().out
    assert "optional:    without strength, glimpse, which the file had when it was exported" in printed
    assert "tiles:       not possible" in printed
    assert run(monkeypatch, str(slim), "--json") == 0
    assert json.loads(capfd.readouterr().out)["inputs"] == {"photo": ["batch", "height", "width", 3]}


def test_the_batch_of_files_that_take_one_photo_at_a_time(
    red_filter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As files in 8 bits."""

    def fix_batch(model: onnx.ModelProto) -> None:
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_value = 1

    assert run(monkeypatch, str(_change(red_filter, tmp_path / "one.onnx", fix_batch))) == 0
    assert "photo: uint8 [1, height, width, 3], RGB, any size" in capfd.readouterr().out


def test_control_characters_are_escaped(
    red_filter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name = "red\x1b[2J\x1b]0;title\x07\nlicence: MIT\u202e\x9b\ud800"
    file = _change(red_filter, tmp_path / "x.onnx", lambda model: _describe(model, name=name, licence=name))
    assert run(monkeypatch, str(file)) == 0
    printed = capfd.readouterr().out
    assert all(line.isprintable() for line in printed.splitlines())
    assert "name:        red\\x1b[2J\\x1b]0;title\\x07\\nlicence: MIT\\u202e\\x9b\\ud800\n" in printed
    assert run(monkeypatch, str(file), "--json") == 0
    assert json.loads(capfd.readouterr().out)["name"] == name


@pytest.mark.parametrize("values", [{"size_multiple": 0}, {"receptive_field_px": -1}, {"size_multiple": "\x1b[31m"}])
def test_hostile_descriptions_are_one_line(
    red_filter: Path,
    tmp_path: Path,
    values: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = _change(red_filter, tmp_path / "x.onnx", lambda model: _describe(model, **values))
    assert run(monkeypatch, str(file)) == ArtifactError.exit_code
    [line] = capfd.readouterr().err.splitlines()
    assert line.isprintable()


def test_files_that_are_no_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "x.onnx"
    other.write_bytes(b"no onnx")
    assert run(monkeypatch, str(other)) == ArtifactError.exit_code
    assert "cannot load it" in capfd.readouterr().err
    assert run(monkeypatch, str(tmp_path / "absent.onnx")) == ArtifactError.exit_code


def test_needs_no_torch(red_filter: Path) -> None:
    program = (
        "import sys; sys.argv = ['pix2style', 'inspect', sys.argv[1]]\n"
        "from pix2style.cli import main\n"
        "try: main()\nexcept SystemExit as left: assert not left.code\n"
        "assert not {'torch', 'tensorflow', 'onnx'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(red_filter)], check=True, capture_output=True)
