"""Settings without effect are named before a run begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from pix2style.config import load_config, parse_config
from pix2style.errors import ConfigError
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.idle_settings import idle_settings, idle_split_shares
from pix2style.training.step.schedule import learning_rate_factor

CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))


def notes(*overrides: str, held_out: int = 10) -> list[str]:
    config = parse_config({}, overrides=overrides)
    return idle_settings(config, config.train.images, held_out)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_shipped_configuration_has_settings_without_effect(path: Path) -> None:
    config = load_config(path, ["distill.teacher_run=runs/teacher"] if path.stem == "distill" else [])
    assert idle_settings(config, config.train.images, 10) == []


_RUN = ("train.images=100", "train.batch=4")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["losses.features.start_images=27_000"], "losses.features.start_images=27_000 is beyond the end"),
        (["losses.features.start_images=97"], "is beyond the end of the run (100 images)"),
        (["losses.features.start_share=1"], "losses.features.start_share=1 is the end of the run"),
        (["losses.adversarial.start_images=100"], "losses.adversarial.start_images=100 is beyond the end"),
        (["losses.adversarial.start_share=1"], "the adversarial loss never begins"),
        (["losses.adversarial.ramp_images=200"], "losses.adversarial.ramp_images=200: the run ends before"),
        (
            ["losses.adversarial.start_share=0.5", "losses.adversarial.ramp_share=1"],
            "losses.adversarial.ramp_share=1: the run ends before the loss has its full weight, at 50% of it",
        ),
        (["losses.features.every=26"], "losses.features.every=26: the run has 25 steps"),
        (["train.warmup_images=101"], "train.warmup_images=101: the run ends after 100 images"),
        (["train.ema_halflife_images=101"], "train.ema_halflife_images=101: the run ends after 100 images"),
        (["train.validate_every_images=101"], "the run validates at its end only"),
        (["train.checkpoint_every_images=101"], "the only checkpoint is that of the end"),
        (["train.log_every=26"], "metrics.jsonl gets no losses"),
        (["train.early_stop.patience=3", "train.validate_every_images=30"], "never stops, because the run validates 3"),
        (["train.decay=cosine", "train.decay_from=1"], "train.decay: without effect"),
        (["train.generator.momentum=0.9"], "train.generator.momentum: without effect, because train.generator.kind is"),
        (["train.early_stop.min_gain=0.1"], "train.early_stop.min_gain: without effect"),
        (["tracking.project=mine", "tracking.tags=[a]"], "tracking.project, tracking.tags: without effect"),
        (["tracking.artifacts=false"], "tracking.artifacts: without effect, because tracking.wandb is off"),
        (["losses.balance.halflife_images=5"], "losses.balance.halflife_images: without effect"),
        (["train.warmup_share=1"], "train.warmup_share=1: the learning rates grow until the end"),
        (["losses.adversarial.start_share=0.97"], "start_share=0.97 is after the beginning of the run's last step"),
        (["train.cuda_graphs=true", "train.compile=auto", "train.device=cpu"], "compile=auto compiles on a GPU only"),
        (["train.cuda_graphs=true", "train.compile=true", "train.device=cpu"], "because training runs on the CPU"),
        (["train.cuda_graphs=true"], "train.cuda_graphs: without effect, because train.compile is false"),
        (["model.lite.channels=8"], "model.lite.channels: without effect, because model.generator is unet"),
        (["losses.adversarial.weight=0", "losses.adversarial.r1=1"], "losses.adversarial.r1: without effect"),
        (["losses.adversarial.weight=0", "train.discriminator.lr=1e-3"], "train.discriminator.lr: without effect"),
        (
            ["losses.adversarial.weight=0", "train.augment.discriminator=[color]"],
            "train.augment.discriminator: without",
        ),
        (["losses.perceptual.weight=0", "losses.features.every=2"], "losses.features.every: without effect"),
        (["losses.consistency={weight: 1, start_images: 100}"], "the consistency loss never begins"),
        (["losses.consistency={weight: 1, every: 26}"], "losses.consistency.every=26: the run has 25 steps"),
        (["losses.consistency.noise=3"], "losses.consistency.noise: without effect"),
        (["losses.style.layers={relu1_1: 1}"], "losses.style.layers: without effect"),
        (["losses.content.layers={relu1_1: 1}"], "losses.content.layers: without effect"),
        (["distill.output.weight=3"], "distill.output.weight: without effect, because distill.teacher_run is not set"),
    ],
)
def test_each_setting_without_effect_is_named(overrides: list[str], words: str) -> None:
    [note] = notes(*_RUN, *overrides)
    assert words in note


@pytest.mark.parametrize(
    "overrides",
    [
        ["losses.features.start_images=96", "losses.adversarial.start_images=96"],
        ["losses.features.start_share=0.96", "losses.adversarial.ramp_share=1"],
        ["train.warmup_images=100", "train.early_stop.patience=3", "train.validate_every_images=25"],
        ["train.minutes=5", "train.images=null", "losses.features.start_images=27_000", "train.warmup_images=500"],
    ],
)
def test_settings_with_an_effect_are_not_named(overrides: list[str]) -> None:
    assert notes(*_RUN, *overrides) == []


def test_early_stop_without_validation_photos_is_named() -> None:
    [note] = notes(*_RUN, "train.early_stop.patience=1", "train.validate_every_images=10", held_out=0)
    assert "there are no validation photos" in note


def test_a_warm_up_may_be_a_share_of_the_run() -> None:
    train = parse_config({}, overrides=[*_RUN, "train.warmup_share=0.4"]).train
    by_images = parse_config({}, overrides=[*_RUN, "train.warmup_images=40"]).train
    for images in range(0, 100, 4):
        factors = [learning_rate_factor(t, images, images / 100) for t in (train, by_images)]
        assert factors[0] == pytest.approx(factors[1])
    minutes = parse_config({}, overrides=["train.images=null", "train.minutes=1", "train.warmup_share=0.5"]).train
    assert learning_rate_factor(minutes, 8, 0.25) == 0.5
    with pytest.raises(ConfigError, match="warmup_images and warmup_share"):
        parse_config({}, overrides=["train.warmup_share=0.1", "train.warmup_images=4"])


def test_shares_are_named_where_the_pair_set_says_the_splits(pair_set: Path) -> None:
    def shares(*overrides: str) -> list[str]:
        config = parse_config({}, overrides=[f"pairs.path='{pair_set}'", "train.augment.crop=32", *overrides])
        return idle_split_shares(config, open_training_data(config))

    assert shares() == []
    assert shares("pairs.val_share=0.2") == []  # as the set was made
    assert shares("name=finetune", "pairs.test_share=0.15") == []  # as shipped
    [note] = shares("pairs.val_share=0.3", "pairs.test_share=0.2")
    assert note.startswith("pairs.val_share: without effect, because ")
