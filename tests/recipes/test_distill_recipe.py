"""The recipe `distill` as a plain function: size search, stylized photos, training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.config import Config
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.format.reader import PairReader
from pix2style.recipes.distill import distill, plan_distillation
from pix2style.runs.folder import RunFolder
from pix2style.runs.stylizer import RunStylizer
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.train import train

Experiment = Callable[..., Config]
BUDGET = "distill.budget={ms_512: 1000, channels: [8, 12], blocks: [1]}"


@pytest.fixture
def more_photos(tmp_path: Path, pair_set: Path, photos: Callable[..., list[Image8]]) -> Path:
    """A folder with four new photos, copies of those in the pair set, and a file that cannot be read."""
    folder = tmp_path / "more"
    for number, photo in enumerate(photos(34, 48, 60)[30:]):
        write_picture(folder / f"{number}.png", Picture(photo))
    shutil.copytree(pair_set.parent / "photos", folder / "copies")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return folder


@pytest.fixture
def teacher(experiment: Experiment, tmp_path: Path) -> Path:
    """The run folder of a trained U-Net."""
    train(experiment("model.generator=unet", "train.images=2"), tmp_path / "teacher")
    return tmp_path / "teacher"


def test_a_budget_chooses_the_size_and_a_resumed_run_keeps_it(
    experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    distill(experiment(BUDGET), run)
    assert "distill.budget: 12 channels, 1 blocks: " in capsys.readouterr().err
    table = json.loads((run / "budget.json").read_text())
    assert table["by"] == "ms_512"
    assert [candidate["channels"] for candidate in table["candidates"]] == [8, 12]
    assert all(candidate["ms"] > 0 for candidate in table["candidates"])
    assert json.loads((run / "config.json").read_text())["config"]["model"]["lite"]["channels"] == 12
    distill(experiment(BUDGET, "train.images=12"), run, resume=True)
    assert "distill.budget" not in capsys.readouterr().err
    assert json.loads((run / "budget.json").read_text()) == table


def test_candidates_are_measured_as_int8_filters_also_with_several_styles(tmp_path: Path) -> None:
    import onnx
    import torch

    from pix2style.nets.lite import Lite
    from pix2style.recipes.filter_latency import filter_latencies_ms, write_untrained_filter

    torch.manual_seed(0)
    multi_style = Lite(16, 1, styles=3).folded()
    assert all(ms > 0 for ms in filter_latencies_ms([multi_style, Lite(8, 1).folded()]))
    write_untrained_filter(multi_style, tmp_path / "candidate.onnx")
    weights = onnx.load(tmp_path / "candidate.onnx").graph.initializer
    assert sum(tensor.data_type == onnx.TensorProto.INT8 for tensor in weights) >= 3


def test_the_teacher_run_stylizes_more_photos_but_none_that_the_pair_set_holds(
    experiment: Experiment, teacher: Path, more_photos: Path, pair_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = teacher.parent / "run"
    changes = [f"distill.photos=['{more_photos}']", f"distill.teacher_run={teacher}"]

    plan = plan_distillation(experiment(*changes), run)
    assert (plan.photos_to_paint, plan.training_pairs) == (5, len(PairReader(pair_set).entries("train")))
    assert plan.teacher is not None
    assert (plan.teacher.kind, plan.teacher.parameters > 0) == ("unet", True)
    assert not run.exists()

    distill(experiment(*changes), run)
    messages = capsys.readouterr().err
    assert "distill.photos: 4 stylized" in messages
    assert "failed: cut.jpg: " in messages
    stylized = PairReader(run / "painted")
    assert [entry.source for entry in stylized.entries("train")] == [f"{number}.png" for number in range(4)]
    assert stylized.manifest.pairs.total == 4
    assert stylized.manifest.teacher.sha256 == RunStylizer(teacher).identity.sha256
    photo, target = stylized.read(stylized.entries("train")[0])
    np.testing.assert_array_equal(target, RunStylizer(teacher).stylize([photo])[0])
    assert len(open_training_data(RunFolder(run).config).entries) == plan.training_pairs + 4

    modified_ns = (run / "painted" / "manifest.json").stat().st_mtime_ns
    shutil.rmtree(more_photos)  # a resumed run needs the stylized pairs, not the photos
    distill(experiment(*changes, "train.images=12"), run, resume=True)
    assert "distill.photos" not in capsys.readouterr().err
    assert (run / "painted" / "manifest.json").stat().st_mtime_ns == modified_ns


def test_photos_that_the_pair_set_holds_already_are_refused(
    experiment: Experiment, teacher: Path, tmp_path: Path, pair_set: Path
) -> None:
    changes = [f"distill.photos=['{pair_set.parent / 'photos'}']", f"distill.teacher_run={teacher}"]
    with pytest.raises(DataError, match="none of 30 photos is new"):
        distill(experiment(*changes), tmp_path / "run")


def test_several_processes_neither_measure_nor_stylize(
    experiment: Experiment, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"distill -> budget -> ms_512\].*choose the size in one process"):
        distill(experiment(BUDGET), tmp_path / "run")
    changes = [f"distill.photos=['{tmp_path}']", f"distill.teacher_run={teacher}"]
    with pytest.raises(ConfigError, match=r"distill -> photos\] only one process"):
        distill(experiment(*changes), tmp_path / "run")
