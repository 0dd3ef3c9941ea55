"""What would end a training on whole pairs half-way is said before it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError
from pix2style.images import Picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.teachers.watercolor import WatercolorTeacher
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.crop_statistics import crop_statistics
from pix2style.training.run.dry_run import plan_run
from pix2style.training.run.train import train

Experiment = Callable[..., Config]
WHOLE = ("train.augment.crop=null", "train.batch=1", "losses.ms_ssim=1")


@pytest.fixture(scope="module")
def unequal_pairs(tmp_path_factory: pytest.TempPathFactory, photos) -> Path:
    """Whole pairs of six photos: four of 48x64 pixels, one of 40x64, and one of 10x10."""
    folder = tmp_path_factory.mktemp("unequal")
    for i, (height, width) in enumerate([(48, 64)] * 4 + [(40, 64), (10, 10)]):
        write_picture(folder / "photos" / f"{i}.png", Picture(photos(6, height, width)[i]))
    shares = {"val_share": 0, "test_share": 0}
    settings = PairsConfig(content=(folder / "photos",), size=64, fit="keep", **shares)
    make_pairs(settings, WatercolorTeacher(), folder / "pairs")
    return folder / "pairs"


def test_pairs_that_are_too_small_for_the_losses_are_left_out(
    experiment: Experiment, unequal_pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = experiment(*WHOLE, f"pairs.path={unequal_pairs}", "train.images=6")
    data = open_training_data(config)
    assert [entry.source for entry in data.too_small] == ["5.png"]
    assert train(config, tmp_path / "run").images_seen == 6
    assert "1 training pair is smaller than 32 pixels and left out, for example 5.png, 10x10" in capsys.readouterr().err


def test_tiny_pairs_alone_are_refused(experiment: Experiment, tmp_path: Path, photos) -> None:
    for i, photo in enumerate(photos(3, 10, 40)):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photo))
    settings = PairsConfig(content=(tmp_path / "photos",), size=64, fit="keep", val_share=0, test_share=0)
    make_pairs(settings, WatercolorTeacher(), tmp_path / "pairs")
    with pytest.raises(ConfigError, match=r"a side of less than 32 pixels.* make pairs of larger photos"):
        open_training_data(experiment(*WHOLE, f"pairs.path={tmp_path / 'pairs'}"))


@pytest.mark.parametrize("begin", [train, plan_run])
def test_pairs_of_different_sizes_in_one_batch_are_refused_before_there_is_a_run(
    begin: Callable[[Config, Path], object], experiment: Experiment, unequal_pairs: Path, tmp_path: Path
) -> None:
    config = experiment(*WHOLE, f"pairs.path={unequal_pairs}", "train.batch=4")
    with pytest.raises(ConfigError, match="the pairs differ in size"):
        begin(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("begin", [train, plan_run])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("train.augment.crop=32", "model.discriminator.layers=4"), "images have 32 pixels a side, .* at least 48"),
        ((*WHOLE, "model.discriminator.layers=5"), "the smallest pair has 48 pixels a side, .* at least 96"),
    ],
)
def test_a_discriminator_that_needs_larger_images_is_refused_at_once(
    begin: Callable[[Config, Path], object],
    changes: tuple[str, ...],
    message: str,
    experiment: Experiment,
    tmp_path: Path,
) -> None:
    config = experiment(*changes, "losses.adversarial={weight: 1, start_share: 0.9}")
    with pytest.raises(ConfigError, match=message):
        begin(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_discriminator_that_the_smallest_pair_is_large_enough_for(experiment: Experiment, tmp_path: Path) -> None:
    late = ("losses.adversarial={weight: 1, start_share: 0.5}", "model.discriminator.layers=4", "train.images=4")
    assert train(experiment(*WHOLE, *late), tmp_path / "run").images_seen == 4


def test_statistics_of_crops_are_noted(experiment: Experiment) -> None:
    normalised = ("model.generator=unet", "model.unet.norm=instance")

    def notes(*changes: str) -> list[str]:
        config = experiment(*normalised, *changes)
        return crop_statistics(config, open_training_data(config))

    [note] = notes()
    assert "statistics are those of crops of 32 pixels in training" in note
    for right in (["train.augment.crop=48"], ["train.augment.crop=null", "train.batch=1"], ["model.unet.norm=none"]):
        assert notes(*right) == []
