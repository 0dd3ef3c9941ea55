"""Runs of training: files, metrics, learning rates, and errors before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style import load_stylizer
from pix2style.config import Config
from pix2style.errors import ConfigError, DataError
from pix2style.images import read_picture
from pix2style.pairs.format.reader import PairReader
from pix2style.runs.folder import RunFolder
from pix2style.runs.generator import load_generator
from pix2style.training.run.train import train
from pix2style.training.step.build import build_state
from pix2style.training.step.schedule import learning_rate_factor, set_learning_rates


def files(run: Path) -> set[str]:
    return {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}


def test_files_of_a_run(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment(), tmp_path / "run")
    names = ("generator.safetensors", "generator.ema.safetensors", "discriminator.safetensors", "trainer.pt")
    assert files(tmp_path / "run") == {
        "config.json",
        "metrics.jsonl",
        "samples/step-0000012.png",
        "preview.png",
        "preview.html",
        "checkpoints/latest",
        "checkpoints/best",
        *(f"checkpoints/step-0000012/{name}" for name in (*names, "meta.json")),
    }


@pytest.mark.parametrize("generator", ["lite", "unet"])
@pytest.mark.parametrize("kind", ["bce", "lsgan", "hinge"])
def test_training_lowers_the_validation_error(
    tmp_path: Path, experiment: Callable[..., Config], generator: str, kind: str
) -> None:
    config = experiment(
        f"model.generator={generator}",
        f"losses.adversarial.kind={kind}",
        "train.images=320",
        "train.validate_every_images=8",
        "train.validate_photos=2",
        "losses.adversarial.weight=0.1",
    )
    report = train(config, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    l1 = [line["validation/l1_levels"] for line in lines if "validation/l1_levels" in line]
    assert report.val_l1 == l1[-1]
    assert l1[-1] < 0.5 * l1[0]


def test_logged_loss_terms_sum_up_to_the_total(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment("losses.adversarial.weight=0.5"), tmp_path / "run")
    first = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[0])
    assert first["generator/total"] == pytest.approx(
        10 * first["generator/l1"] + 0.5 * first["generator/adversarial"], rel=1e-5
    )
    assert 0 <= first["discriminator/real_share_right"] <= 1
    assert first["images_seen"] == 4


def test_the_grid_shows_what_load_stylizer_computes(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    """Neither BatchNorm nor dropout may depend on other images, or make validation differ from inference."""
    run = tmp_path / "run"
    train(experiment("model.generator=unet-2017", "train.images=12"), run)
    assert experiment().pairs.path is not None
    reader = PairReader(experiment().pairs.path)  # type: ignore[arg-type]
    content, _ = reader.read(reader.entries("val")[0])
    stylize = load_stylizer(run)
    alone, again = stylize(content), stylize(content)
    np.testing.assert_array_equal(alone, again)
    with_another = stylize([read_picture(run / "samples/step-0000003.png").rgb, content])[1]
    np.testing.assert_array_equal(alone, with_another)
    sheet = read_picture(run / "samples/step-0000003.png").rgb
    top, left, side = 18 + 16, 8 + 48 + 8, 48
    np.testing.assert_array_equal(sheet[top : top + side, left : left + side], alone)


def test_the_averaged_weights_differ_from_the_raw_ones(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment(), tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    (ema, _), (raw, _) = (load_generator(run, weights=w) for w in ("ema", "raw"))
    assert not ema.training
    assert any(not torch.equal(a, b) for a, b in zip(ema.parameters(), raw.parameters(), strict=True))


def test_without_adversarial_loss_there_is_no_discriminator(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment("losses.adversarial.weight=0"), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("discriminator.safetensors"))
    assert "discriminator" not in (tmp_path / "run/metrics.jsonl").read_text()


def test_learning_rates_decay_linearly_to_zero(experiment: Callable[..., Config]) -> None:
    config = experiment("train.images=100", "train.decay_from=0.5")
    state = build_state(config)
    factors = []
    for images_seen in (0, 50, 75, 100):
        state.images_seen = images_seen
        factors.append(set_learning_rates(state, config.train))
        assert state.generator_optimizer.param_groups[0]["lr"] == pytest.approx(2e-3 * factors[-1])
    assert factors == pytest.approx([1, 1, 0.5, 0])


def test_learning_rates_decay_like_a_cosine(experiment: Callable[..., Config]) -> None:
    train = experiment("train.images=100", "train.decay_from=0.2", "train.decay=cosine").train
    factors = [learning_rate_factor(train, 0, share) for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    assert factors == pytest.approx([1, 1, 0.5 + 0.5 * 2**-0.5, 0.5, 0.5 - 0.5 * 2**-0.5, 0])


def test_learning_rates_stay_constant_with_decay_from_1(experiment: Callable[..., Config]) -> None:
    train = experiment("train.images=100", "train.decay_from=1").train
    assert [learning_rate_factor(train, 0, share) for share in (0, 0.96, 0.99)] == [1, 1, 1]


def test_learning_rates_warm_up_linearly(experiment: Callable[..., Config]) -> None:
    train = experiment("train.images=100", "train.batch=4", "train.warmup_images=16").train
    assert [learning_rate_factor(train, seen, 0) for seen in (0, 4, 8, 12, 16)] == [0.25, 0.5, 0.75, 1, 1]


def test_bf16_training_runs(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    assert train(experiment("train.precision=bf16"), tmp_path / "run").val_l1 is not None


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("train.augment.crop=64", ConfigError, "larger than the smallest pair, 48x48"),
        ("train.device=cuda", ConfigError, "finds no GPU"),
        ("pairs.path=nowhere", DataError, "nowhere"),
        ("pairs.path=null", ConfigError, "is not set"),
    ],
)
def test_errors_are_raised_before_anything_is_written(
    tmp_path: Path, experiment: Callable[..., Config], override: str, error: type[Exception], message: str
) -> None:
    if override == "train.device=cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(error, match=message):
        train(experiment(override), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_old_checkpoints_are_removed(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    config = experiment("train.images=80", "train.checkpoint_every_images=4", "train.keep_last=2")
    train(config, tmp_path / "run")
    folder = tmp_path / "run/checkpoints"
    kept = sorted(p.name for p in folder.glob("step-*"))
    assert kept[-2:] == ["step-0000019", "step-0000020"]
    assert len(kept) <= 3
    assert (folder / (folder / "best").read_text().strip()).is_dir()
