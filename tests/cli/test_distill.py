"""`pix2style distill`, as a person runs it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pix2style.errors import DataError
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.format.reader import PairReader
from pix2style.runs.folder import RunFolder
from pix2style.runs.stylizer import RunStylizer
from pix2style.training.data.sources import open_training_data

Pix2Style = Callable[..., tuple[int, str, str]]
TINY = (
    "model.lite={channels: 8, blocks: 1}",
    "model.unet={channels: 8, levels: 2}",
    "losses.perceptual.weight=0",
    "losses.adversarial.weight=0",
    "train={images: 8, batch: 2, workers: 0, log_every: 1, device: cpu, precision: fp32, augment: {crop: 32}}",
)


def test_a_small_generator_learns_from_a_run(pix2style: Pix2Style, tmp_path: Path, pair_set: Path) -> None:
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    code, _, err = pix2style("train", *TINY, "--pairs", pair_set, "--out", teacher)
    assert code == 0, err
    options = ["--teacher-run", teacher, "--pairs", pair_set, "--out", student, "--json"]
    code, out, err = pix2style("distill", *TINY, *options)
    assert code == 0, err
    assert json.loads(out)["images_seen"] == 8
    config = json.loads((student / "config.json").read_text())["config"]
    assert (config["model"]["generator"], config["distill"]["teacher_run"]) == ("lite", str(teacher))
    lines = [json.loads(line) for line in (student / "metrics.jsonl").read_text().splitlines()]
    assert sum("generator/distill_features" in line for line in lines) == 4


def test_a_budget_chooses_the_size_and_a_resumed_run_keeps_it(
    pix2style: Pix2Style, tmp_path: Path, pair_set: Path
) -> None:
    out = tmp_path / "run"
    options = [*TINY, "distill.budget={ms_512: 1000, channels: [8, 12], blocks: [1]}", "--pairs", pair_set]
    code, _, err = pix2style("distill", *options, "--out", out)
    assert code == 0, err
    assert "distill.budget: 12 channels, 1 blocks: " in err
    table = json.loads((out / "budget.json").read_text())
    assert table["by"] == "ms_512"
    assert [one["channels"] for one in table["candidates"]] == [8, 12]
    assert all(one["ms"] > 0 for one in table["candidates"])
    assert json.loads((out / "config.json").read_text())["config"]["model"]["lite"]["channels"] == 12
    code, _, err = pix2style("distill", *options, "train.images=12", "--out", out, "--resume")
    assert code == 0, err
    assert "distill.budget" not in err
    assert json.loads((out / "budget.json").read_text()) == table


def test_what_is_measured_computes_in_8_bits_also_of_several_styles(tmp_path: Path) -> None:
    import onnx
    import torch

    from pix2style.nets.lite import Lite
    from pix2style.recipes.distill_budget import filters_ms, write_filter

    torch.manual_seed(0)
    several = Lite(16, 1, styles=3).folded()
    assert all(ms > 0 for ms in filters_ms([several, Lite(8, 1).folded()]))
    write_filter(several, tmp_path / "candidate.onnx")
    weights = onnx.load(tmp_path / "candidate.onnx").graph.initializer
    assert sum(one.data_type == onnx.TensorProto.INT8 for one in weights) >= 3


def test_more_photos_are_painted_by_the_run_and_learned_but_none_that_the_pair_set_holds(
    pix2style: Pix2Style, tmp_path: Path, pair_set: Path, photos: Callable[..., list[Image8]]
) -> None:
    teacher, out, more = tmp_path / "teacher", tmp_path / "run", tmp_path / "more"
    assert pix2style("train", *TINY, "train.images=2", "--pairs", pair_set, "--out", teacher)[0] == 0
    for number, photo in enumerate(photos(34, 48, 60)[30:]):
        write_picture(more / f"{number}.png", Picture(photo))
    shutil.copytree(pair_set.parent / "photos", more / "copies")
    (more / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    options = [*TINY, f"distill.photos=['{more}']", "--teacher-run", teacher, "--pairs", pair_set, "--out", out]

    code, said, err = pix2style("distill", *options, "--dry-run", "--json")
    assert code == 0, err
    plan = json.loads(said)
    assert (plan["photos_to_paint"], plan["training_pairs"]) == (5, len(PairReader(pair_set).entries("train")))
    assert (plan["teacher"], plan["networks"]["teacher"]["parameters"] > 0) == ("unet", True)
    assert not out.exists()

    code, _, err = pix2style("distill", *options, "--json")
    assert code == 0, err
    assert "distill.photos: 4 painted" in err
    assert "cut.jpg: left out" in err
    painted = PairReader(out / "painted")
    assert [entry.source for entry in painted.entries("train")] == [f"{number}.png" for number in range(4)]
    assert painted.manifest.pairs.total == 4
    assert painted.manifest.teacher.sha256 == RunStylizer(teacher).identity.sha256
    photo, target = painted.read(painted.entries("train")[0])
    np.testing.assert_array_equal(target, RunStylizer(teacher).stylize([photo])[0])
    material = open_training_data(RunFolder(out).config)
    assert len(material.entries) == plan["training_pairs"] + 4

    began = (out / "painted" / "manifest.json").stat().st_mtime_ns
    shutil.rmtree(more)  # a run that goes on needs the pictures, not the photos
    code, _, err = pix2style("distill", *options, "train.images=12", "--resume")
    assert code == 0, err
    assert "distill.photos" not in err
    assert (out / "painted" / "manifest.json").stat().st_mtime_ns == began


def test_photos_that_are_all_pairs_already_are_refused(pix2style: Pix2Style, tmp_path: Path, pair_set: Path) -> None:
    teacher = tmp_path / "teacher"
    assert pix2style("train", *TINY, "train.images=2", "--pairs", pair_set, "--out", teacher)[0] == 0
    photos = f"distill.photos=['{pair_set.parent / 'photos'}']"
    code, _, err = pix2style(
        "distill", *TINY, photos, "--teacher-run", teacher, "--pairs", pair_set, "--out", tmp_path / "run"
    )
    assert code == DataError.exit_code
    assert "none of 30 photos is new" in err
