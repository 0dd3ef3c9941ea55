"""The command `pix2style distill`; tests/recipes/test_distill_recipe.py tests what it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pix2style.errors import DataError
from pix2style.images import Image8, Picture, write_picture

Pix2Style = Callable[..., tuple[int, str, str]]
TINY = (
    "model.lite={channels: 8, blocks: 1}",
    "model.unet={channels: 8, levels: 2}",
    "losses.perceptual.weight=0",
    "losses.adversarial.weight=0",
    "train={images: 8, batch: 2, workers: 0, log_every: 1, device: cpu, precision: fp32, augment: {crop: 32}}",
)


def test_a_lightweight_generator_is_distilled_from_a_run(pix2style: Pix2Style, tmp_path: Path, pair_set: Path) -> None:
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


def test_budget_and_photos(
    pix2style: Pix2Style, tmp_path: Path, pair_set: Path, photos: Callable[..., list[Image8]]
) -> None:
    teacher, out, more = tmp_path / "teacher", tmp_path / "run", tmp_path / "more"
    assert pix2style("train", *TINY, "train.images=2", "--pairs", pair_set, "--out", teacher)[0] == 0
    for number, photo in enumerate(photos(34, 48, 60)[30:]):
        write_picture(more / f"{number}.png", Picture(photo))
    budget = "distill.budget={ms_512: 1000, channels: [8, 12], blocks: [1]}"
    options = [*TINY, budget, f"distill.photos=['{more}']", "--teacher-run", teacher, "--pairs", pair_set, "--out", out]

    code, stdout, err = pix2style("distill", *options, "--dry-run", "--json")
    assert code == 0, err
    assert "distill.budget: 12 channels, 1 blocks: " in err
    plan = json.loads(stdout)
    assert (plan["photos_to_paint"], plan["teacher"]) == (4, "unet")
    assert plan["networks"]["teacher"]["parameters"] > 0
    assert not out.exists()

    code, _, err = pix2style("distill", *options, "--json")
    assert code == 0, err
    assert "distill.photos: 4 stylized" in err
    code, _, err = pix2style("distill", *options, "train.images=12", "--resume")
    assert code == 0, err
    assert "distill.budget" not in err
    assert "distill.photos" not in err


def test_photos_that_the_pair_set_holds_already_are_an_error(
    pix2style: Pix2Style, tmp_path: Path, pair_set: Path
) -> None:
    teacher = tmp_path / "teacher"
    assert pix2style("train", *TINY, "train.images=2", "--pairs", pair_set, "--out", teacher)[0] == 0
    photos = f"distill.photos=['{pair_set.parent / 'photos'}']"
    code, _, err = pix2style(
        "distill", *TINY, photos, "--teacher-run", teacher, "--pairs", pair_set, "--out", tmp_path / "run"
    )
    assert code == DataError.exit_code
    assert "none of 30 photos is new" in err
