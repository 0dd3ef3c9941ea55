"""Two pair sets are trained on as one, and no held-out photo is trained on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.reader import PairReader
from pix2style.teachers.watercolor import WatercolorTeacher
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.train import train

Experiment = Callable[..., Config]


@pytest.fixture(scope="module")
def more_photos(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]], pair_set: Path) -> Path:
    """Five new photos, one smaller than a crop, and all those that the pair set holds."""
    folder = tmp_path_factory.mktemp("more")
    for number, photo in enumerate(photos(35, 48, 60)[30:]):
        write_picture(folder / f"new-{number}.png", Picture(photo))
    write_picture(folder / "small.png", Picture(photos(36, 20, 24)[35]))
    shutil.copytree(pair_set.parent / "photos", folder / "copies")
    return folder


@pytest.fixture(scope="module")
def painted(more_photos: Path) -> Path:
    """A pair set of all of them, also of photos that are in the other pair set."""
    config = PairsConfig(content=(more_photos,), size=64, fit="fit", val_share=0, test_share=0)
    make_pairs(config, WatercolorTeacher(), more_photos.parent / "painted")
    return more_photos.parent / "painted"


def test_held_out_and_small_photos_are_left_out_of_the_union(
    experiment: Experiment, pair_set: Path, painted: Path
) -> None:
    alone = open_training_data(experiment())
    both = open_training_data(experiment(f"distill.painted='{painted}'"))
    assert len(PairReader(painted).entries("train")) == 36
    assert both.entries[: len(alone.entries)] == alone.entries
    assert [entry.source for entry in both.entries[len(alone.entries) :]] == [f"new-{i}.png" for i in range(5)]
    assert both.held_out == alone.held_out
    held_out = {entry.sha256 for split in ("val", "test") for entry in PairReader(pair_set).entries(split)}
    assert len(held_out) > 5
    assert not held_out & {entry.sha256 for entry in both.entries}
    assert both.digest not in {alone.digest, PairReader(painted).digest}


def test_each_pair_is_read_from_the_set_that_holds_it(experiment: Experiment, pair_set: Path, painted: Path) -> None:
    both = open_training_data(experiment(f"distill.painted='{painted}'"))
    for entry, folder in ((both.entries[0], pair_set), (both.entries[-1], painted)):
        for image, expected in zip(both.read_pair(entry), PairReader(folder).read(entry), strict=True):
            np.testing.assert_array_equal(image, expected)


def test_resumed_equals_uninterrupted_and_another_set_is_refused(
    experiment: Experiment, painted: Path, more_photos: Path, tmp_path: Path
) -> None:
    changes = (
        "losses.adversarial.weight=0",
        "train.images=24",
        "train.checkpoint_every_images=12",
        "train.keep_last=9",
    )
    train(experiment(*changes, f"distill.painted='{painted}'"), tmp_path / "uninterrupted")
    shutil.copytree(tmp_path / "uninterrupted", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed/checkpoints/step-0000006")
    (tmp_path / "resumed/checkpoints/latest").write_text("step-0000003\n")
    moved = shutil.copytree(painted, tmp_path / "moved")
    train(experiment(*changes, f"distill.painted='{moved}'"), tmp_path / "resumed", resume=True)
    for file in ("generator.safetensors", "generator.ema.safetensors"):
        first, other = (tmp_path / run / "checkpoints/step-0000006" / file for run in ("uninterrupted", "resumed"))
        assert first.read_bytes() == other.read_bytes(), file
    another = PairsConfig(content=(more_photos / "new-0.png",), size=64, fit="fit", val_share=0, test_share=0)
    make_pairs(another, WatercolorTeacher(), tmp_path / "another")
    with pytest.raises(DataError, match="was trained on other pictures"):
        train(experiment(*changes, f"distill.painted='{tmp_path / 'another'}'"), tmp_path / "resumed", resume=True)


def test_settings_that_exclude_each_other(experiment: Experiment, painted: Path, tmp_path: Path) -> None:
    for change in ("model.styles=2", "train.unpaired=true"):
        with pytest.raises(ConfigError, match=r"distill\.painted need a pair set with targets and a single style"):
            experiment(f"distill.painted='{painted}'", "losses.l1=0", "losses.style.weight=1", change)
    with pytest.raises(ConfigError, match="photos are stylized by the generator of a trained run"):
        experiment(f"distill.photos=['{tmp_path}']")
    photos = experiment(f"distill.photos=['{tmp_path}']", f"distill.teacher_run='{tmp_path}'")
    with pytest.raises(ConfigError, match="is for the command pix2style distill"):
        open_training_data(photos)
    with pytest.raises(DataError, match="there is no pair set in it"):
        open_training_data(experiment(f"distill.painted='{tmp_path}'"))
