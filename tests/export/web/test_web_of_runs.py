"""A page of a run: what is exported for it. What an export is: `test_export_run.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest

from pix2style.cli import export_web as command
from pix2style.cli.export_options import RunOptions
from pix2style.errors import ConfigError
from pix2style.nets.lite import Lite


@dataclass
class Run:
    """An opened run whose exports are copies of a filter."""

    source: Path
    change_filter: Callable[..., Path]
    generator: Lite = field(default_factory=lambda: Lite(channels=8, blocks=1))
    spec: Any = field(default_factory=lambda: SimpleNamespace(name="small"))
    pairs: list[Path | None] = field(default_factory=list)

    def export(self, path: Path, precision: str, pairs: Path | None) -> None:
        def state(model: onnx.ModelProto) -> None:
            for entry in model.metadata_props:
                entry.value = entry.value.replace('"precision": "fp32"', f'"precision": "{precision}"')

        self.pairs.append(pairs)
        self.change_filter(self.source, path, state)


@pytest.fixture
def opened(lite_file, change_filter, monkeypatch: pytest.MonkeyPatch) -> Run:
    run = Run(lite_file(), change_filter)
    monkeypatch.setattr(RunOptions, "open", lambda *_: run)
    return run


def test_float16_and_8_bits_are_one_filter(
    opened: Run, stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    options = RunOptions(pairs=tmp_path / "pairs")
    command.export_web([tmp_path / "run"], tmp_path / "page", stand_in, options, as_json=True)
    assert json.loads(capsys.readouterr().out)["filters"] == ["small"]
    (entry,) = json.loads((tmp_path / "page/page.json").read_text())["filters"]
    assert {backend: file["path"] for backend, file in entry["files"].items()} == {
        "wasm": "filters/small-int8.onnx",
        "webgpu": "filters/small-fp16.onnx",
    }
    assert opened.pairs == [tmp_path / "pairs"] * 2


def test_two_runs_of_one_name_are_refused(opened: Run, stand_in: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match="b: another run is called 'small', too: make a page of its own"):
        command.export_web([tmp_path / "a", tmp_path / "b"], tmp_path / "page", stand_in, RunOptions(), as_json=True)
    assert not (tmp_path / "page").exists()
