"""A run of several styles: choosing a style when loading and when exporting, and the provenance of that style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pix2style.cli import main
from pix2style.config import parse_config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.export.export_filter import export_filter
from pix2style.export.run import build_spec, export_run
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.files import sha256_json, write_json
from pix2style.loading import load_stylizer
from pix2style.nets.generator import Generator
from pix2style.nets.style_condition import ConditionalLayer
from pix2style.runs.folder import EMA_FILE, META_FILE, RUN_VERSION, CheckpointMeta, RunFolder, StyleRecord
from pix2style.runs.generator import load_generator
from pix2style.runs.networks import build_generator
from pix2style.runs.stylizer import RunStylizer
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.style_choice import format_style, parse_style

_STYLES = (
    StyleRecord("magenta:waves", "a" * 64, ("1" * 64,)),
    StyleRecord("magenta:reeds", "a" * 64, ("2" * 64, "3" * 64)),
    StyleRecord("watercolor", "b" * 64),
)


_RESNET = {"generator": "resnet", "resnet": {"channels": 4, "blocks": 1}}


def make_run(path: Path, styles: int = 3, model: dict[str, Any] | None = None) -> Path:
    """A run folder as train writes it."""
    model = {"styles": styles, **(model or {"generator": "lite", "lite": {"channels": 8, "blocks": 1, "scale": 2}})}
    config = parse_config({"name": "several", "model": model})
    write_json(path / "config.json", {"schema_version": RUN_VERSION, "config": config.model_dump(mode="json")})
    folder = path / "checkpoints" / "step-0000010"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    generator = build_generator(config.model)
    for module in generator.modules():
        if isinstance(module, ConditionalLayer):
            nn.init.normal_(module.table, std=0.3)
    save_file(dict(generator.state_dict()), folder / EMA_FILE)
    records = _STYLES[:styles] if styles > 1 else ()
    meta = CheckpointMeta(10, 40, "4" * 64, "several teachers", "5" * 64, ("6" * 64,), styles=records)
    write_json(folder / META_FILE, meta.to_json())
    (path / "checkpoints" / "latest").write_text("step-0000010\n")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def _expected_output(generator: Generator, weights: tuple[float, ...]) -> np.ndarray[Any, Any]:
    photo = torch.from_numpy(synthetic_photo(40, 56)).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        output = generator(photo, style=torch.tensor([weights]))[0]
    return (output.permute(1, 2, 0) * 127.5 + 127.5).round().numpy()


@pytest.mark.parametrize(
    ("suffix", "weights"),
    [("@0", (1.0, 0.0, 0.0)), ("@2", (0.0, 0.0, 1.0)), ("@0.5,0.25,0.25", (0.5, 0.25, 0.25))],
)
def test_load_stylizer_takes_the_style_after_the_at_sign(run: Path, suffix: str, weights: tuple[float, ...]) -> None:
    generator, _ = load_generator(RunFolder(run))
    stylizer = load_stylizer(f"{run}{suffix}")
    assert abs(stylizer(synthetic_photo(40, 56)) - _expected_output(generator, weights)).max() <= 1
    assert stylizer.identity.name == f"several{suffix}"
    assert stylizer.identity.settings["style"] == suffix[1:]


def test_identity_names_the_paintings_of_the_style(run: Path) -> None:
    assert load_stylizer(f"{run}@1").identity.style_sha256 == ("2" * 64, "3" * 64)
    assert load_stylizer(f"{run}@0.5,0.5,0").identity.style_sha256 == ("1" * 64, "2" * 64, "3" * 64)
    assert load_stylizer(f"{run}@2").identity.style_sha256 == ()


def test_checkpoints_keep_their_styles(run: Path) -> None:
    assert load_generator(RunFolder(run))[1].styles == _STYLES


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        ("", r"holds 3 styles \(0: magenta:waves, 1: magenta:reeds, 2: watercolor\): choose one, .*run@0 to .*run@2"),
        ("@3", r"run@3: there is no style 3: choose one from 0 to 2 \(0: magenta:waves"),
        ("@0.5,0.5", "got 2 weights for 3 styles"),
        ("@1,1,1", "their sum must be 1"),
        ("@reeds", "'reeds' names no style: give its id, for example 1, or a weight for each style"),
        ("@0.5", "'0.5' names no style"),
    ],
)
def test_impossible_style_choices(run: Path, suffix: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_stylizer(f"{run}{suffix}")


def test_runs_and_filters_of_one_style_take_none(tmp_path: Path, red_filter: Path) -> None:
    run = make_run(tmp_path / "one", styles=1)
    with pytest.raises(ConfigError, match=r"one: holds one style, so there is no style 0 to choose: name none"):
        load_stylizer(f"{run}@0")
    with pytest.raises(ConfigError, match=r"red-negative\.onnx@0: the file holds one style, so do not name a style"):
        load_stylizer(f"{red_filter}@0")


def test_a_folder_whose_name_has_an_at_sign(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run@1", styles=1)
    assert load_stylizer(run).identity.name == "several"
    several = make_run(tmp_path / "many@2")
    assert load_stylizer(f"{several}@1").identity.name == "several@1"
    with pytest.raises(ArtifactError, match=r"nowhere@1: no such stylizer"):
        load_stylizer(tmp_path / "nowhere@1")


@pytest.mark.parametrize("style", [1, (0.5, 0.5, 0.0)])
def test_export_of_one_style_or_mixture(run: Path, style: int | tuple[float, ...]) -> None:
    report = export_run(run, style=style)
    filter_file = OnnxStylizer(report.path)
    assert report.path == run / f"several-style-{format_style(style).replace(',', '-')}.onnx"
    assert filter_file.spec.name == report.path.stem
    expected = RunStylizer(run, style=style)(synthetic_photo(40, 56))
    assert abs(filter_file(synthetic_photo(40, 56)).astype(int) - expected).max() <= 1
    one_style = build_generator(parse_config({"model": {"generator": "lite", "lite": _LITE}}).model).folded()
    assert report.parameters == filter_file.spec.parameters == sum(w.numel() for w in one_style.parameters())


_LITE = {"channels": 8, "blocks": 1, "scale": 2}


def test_file_names_the_provenance_of_its_style(run: Path, tmp_path: Path) -> None:
    single = OnnxStylizer(export_run(run, tmp_path / "1.onnx", style=1).path).spec.provenance
    assert (single.teacher, single.teacher_sha256, single.style_sha256) == (
        "magenta:reeds",
        "a" * 64,
        ("2" * 64, "3" * 64),
    )
    mixed = OnnxStylizer(export_run(run, tmp_path / "m.onnx", style=(0.5, 0.0, 0.5)).path).spec.provenance
    assert (mixed.teacher, mixed.style_sha256) == ("magenta:waves + watercolor", ("1" * 64,))
    assert mixed.teacher_sha256 == sha256_json(["a" * 64, "b" * 64])


def test_a_style_has_to_be_chosen_if_the_file_can_hold_only_one(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", model=_RESNET)
    with pytest.raises(ConfigError, match=r"holds 3 styles .*\(to export: --style 0\)"):
        export_run(run)
    folder = RunFolder(run)
    generator, meta = load_generator(folder)
    spec = build_spec(generator, folder.config, meta, name="x", licence="")
    with pytest.raises(
        ArtifactError, match=r"holds 3 styles, but a filter .* only one: export generator\.with_fixed_style"
    ):
        export_filter(generator, spec, tmp_path / "x.onnx")
    assert not list(tmp_path.glob("*.onnx"))


def test_command(run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pix2style", "export", str(run), "--style", "0.2,0.3,0.5"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert str(run / "several-style-0.2-0.3-0.5.onnx") in capfd.readouterr().out


def test_a_lightweight_file_holds_all_styles(run: Path) -> None:
    report = export_run(run)
    assert report.path == run / "several.onnx"
    expected = RunStylizer(run, style=0)(synthetic_photo(40, 56))
    assert abs(OnnxStylizer(report.path)(synthetic_photo(40, 56)).astype(int) - expected).max() <= 1


def test_command_without_a_style(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", model=_RESNET)
    monkeypatch.setattr("sys.argv", ["pix2style", "export", str(run)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == ConfigError.exit_code
    assert "choose one" in capfd.readouterr().err


@pytest.mark.parametrize("choice", [0, 7, (0.5, 0.5), (0.25, 0.5, 0.25)])
def test_format_style_is_the_inverse_of_parse_style(choice: int | tuple[float, ...]) -> None:
    assert parse_style(format_style(choice)) == choice
