"""The command `pix2style inspect`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pix2style.cli import main
from pix2style.errors import ArtifactError
from pix2style.files import sha256_file


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
