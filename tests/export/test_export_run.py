"""Export of a run folder: choice of weights, licence and path, and the provenance in the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pix2style.cli import main
from pix2style.config import parse_config
from pix2style.errors import ArtifactError
from pix2style.export.run import export_run
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.files import sha256_json, write_json
from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, META_FILE, RUN_VERSION, CheckpointMeta
from pix2style.runs.networks import build_generator
from pix2style.runs.stylizer import RunStylizer
from pix2style.runtime.onnx_stylizer import OnnxStylizer

CONFIG: dict[str, Any] = {
    "name": "small",
    "model": {"generator": "lite", "lite": {"channels": 8, "blocks": 1, "scale": 2}},
    "train": {"augment": {"crop": 96}},
    "export": {"licence": "CC-BY-4.0"},
}


def make_run(path: Path, **export: str) -> Path:
    """A run folder as train writes it, with two checkpoints. All four sets of weights (raw, averaged) are different."""
    config = parse_config({**CONFIG, "export": {**CONFIG["export"], **export}})
    write_json(path / "config.json", {"schema_version": RUN_VERSION, "config": config.model_dump(mode="json")})
    for step in (10, 20):
        folder = path / "checkpoints" / f"step-{step:07d}"
        folder.mkdir(parents=True)
        for seed, file in enumerate((GENERATOR_FILE, EMA_FILE)):
            torch.manual_seed(step + seed)
            save_file(dict(build_generator(config.model).state_dict()), folder / file)
        meta = CheckpointMeta(step, step * 4, "1" * 64, "sepia", "2" * 64, ("3" * 64,))
        write_json(folder / META_FILE, meta.to_json())
    (path / "checkpoints" / "latest").write_text("step-0000020\n")
    (path / "checkpoints" / "best").write_text("step-0000010\n")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@pytest.fixture
def stylize(run: Path) -> Callable[[Path], Any]:
    return lambda path: OnnxStylizer(path)(synthetic_photo(40, 56))


def test_default_is_the_averaged_weights_of_the_latest_checkpoint(run: Path, stylize: Callable[[Path], Any]) -> None:
    report = export_run(run)
    assert report.path == run / "small.onnx"
    expected = RunStylizer(run)(synthetic_photo(40, 56))
    assert abs(stylize(report.path).astype(int) - expected).max() <= 1


def test_file_names_its_provenance(run: Path) -> None:
    report = export_run(run)
    spec = OnnxStylizer(report.path).spec
    assert (spec.name, spec.architecture, spec.licence, spec.trained_at_px) == ("small", "lite", "CC-BY-4.0", 96)
    shipped = build_generator(parse_config(CONFIG).model).folded()
    assert spec.parameters == report.parameters == sum(weights.numel() for weights in shipped.parameters())
    assert spec.size_multiple == 2
    assert spec.global_context
    origin = spec.provenance
    assert (origin.step, origin.images_seen, origin.teacher) == (20, 80, "sepia")
    assert (origin.pairs_sha256, origin.teacher_sha256, origin.style_sha256) == ("1" * 64, "2" * 64, ("3" * 64,))
    assert origin.run_config_sha256 == sha256_json(parse_config(CONFIG).model_dump(mode="json"))


def test_checkpoint_and_weights_can_be_chosen(run: Path, tmp_path: Path, stylize: Callable[[Path], Any]) -> None:
    best = export_run(run, tmp_path / "best.onnx", checkpoint="best").path
    raw = export_run(run, tmp_path / "raw.onnx", checkpoint="step-0000010", weights="raw").path
    assert OnnxStylizer(best).spec.provenance.step == OnnxStylizer(raw).spec.provenance.step == 10
    assert (stylize(best) != stylize(raw)).any()
    assert abs(stylize(best).astype(int) - RunStylizer(run, checkpoint="best")(synthetic_photo(40, 56))).max() <= 1


def test_arguments_override_the_configuration(tmp_path: Path, stylize: Callable[[Path], Any]) -> None:
    configured = make_run(tmp_path / "raw-run", weights="raw")
    report = export_run(configured, licence="MIT")
    chosen = export_run(configured, tmp_path / "chosen.onnx", weights="raw", licence="MIT")
    assert report.sha256 == chosen.sha256
    assert OnnxStylizer(report.path).spec.licence == "MIT"


def test_unknown_checkpoint(run: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no checkpoint 'step-0000099' .*step-0000010, step-0000020"):
        export_run(run, checkpoint="step-0000099")


def test_a_path_that_cannot_be_written(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"is a folder: name the filter file, for example .*small\.onnx"):
        export_run(run, tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactError, match=r"f\.onnx: cannot be written"):
        export_run(run, tmp_path / "file" / "f.onnx")


def test_command_prints_only_json(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "here.onnx"
    monkeypatch.setattr("sys.argv", ["pix2style", "export", str(run), "-o", str(out), "--licence", "MIT", "--json"])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capfd.readouterr()
    report = json.loads(printed.out)
    assert (left.value.code, printed.err) == (0, "")
    assert (report["path"], report["opset"], report["bytes"]) == (str(out), 17, out.stat().st_size)


def test_command_prints_a_summary(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pix2style", "export", str(run)])
    with pytest.raises(SystemExit):
        main()
    printed = capfd.readouterr()
    assert str(run / "small.onnx") in printed.out
    assert "compared with the network at 256x256, 201x300" in printed.out
    assert "pix2style infer" in printed.err


def test_command_on_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pix2style", "export", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == ArtifactError.exit_code
    assert "is not a run folder" in capfd.readouterr().err
