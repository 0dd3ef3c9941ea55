"""A run folder of schema version 1 loads, stylizes and resumes as it did in the revision that wrote it.

`run-v1/README.md` says how the committed run and its reference values were made.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pix2style import load_stylizer
from pix2style.config import Config, apply_overrides
from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_json, write_json
from pix2style.images import Image8, Picture, to_batch, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder
from pix2style.runs.stylizer import stylize_with
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.training.batch import PairBatch
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.checkpoints.checkpoint import load_checkpoint
from pix2style.training.run.checkpoints.pretrained import load_pretrained_weights
from pix2style.training.run.checkpoints.resume import find_newest_intact_checkpoint
from pix2style.training.run.train import train
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import train_step

_FOLDER = Path(__file__).with_name("run-v1")
_LONGER = "train.images=320"  # the run ended after 160 images, where the learning rate is 0
# Processors round differently, which can move a pixel that lies between two levels.
_MOST_LEVELS, _RELATIVE = 1, 1e-3


@pytest.fixture(scope="module")
def reference() -> Mapping[str, NDArray[Any]]:
    with np.load(_FOLDER / "reference.npz") as arrays:
        return dict(arrays)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A copy, because resuming writes into the folder."""
    return Path(shutil.copytree(_FOLDER / "run", tmp_path / "run"))


def assert_same_image(image: Image8, expected: Image8) -> None:
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= _MOST_LEVELS


def longer(run: Path) -> Config:
    return apply_overrides(RunFolder(run).config, [_LONGER])


@pytest.mark.parametrize("style", ["0", "1", "0.5,0.5"])
def test_it_stylizes_as_before(run: Path, reference: Mapping[str, NDArray[Any]], style: str) -> None:
    stylize = load_stylizer(f"{run}@{style}")
    assert_same_image(stylize(reference["photo"]), reference[f"stylized@{style}"])


def test_the_styles_differ(reference: Mapping[str, NDArray[Any]]) -> None:
    """Otherwise the test above could not tell whether the conditional layers were loaded."""
    first, second = (reference[f"stylized@{style}"].astype(int) for style in (0, 1))
    assert np.abs(first - second).mean() > 10


def test_its_checkpoint_continues_as_before(run: Path, reference: Mapping[str, NDArray[Any]]) -> None:
    """Weights of both networks, Adam's moments and counters: three steps give the losses and weights of before."""
    config = longer(run)
    state, checkpoint = build_state(config), find_newest_intact_checkpoint(run)
    assert checkpoint is not None
    assert checkpoint.damaged == ()
    load_checkpoint(checkpoint.folder, state, checkpoint.meta)
    assert (state.step, state.images_seen) == (80, 160)
    content, target = (torch.from_numpy(to_batch(list(reference[name]))) for name in ("content", "target"))
    losses = []
    for _ in range(len(reference["losses"])):
        report = train_step(state, [PairBatch(content, target, torch.eye(2))], config.train)
        assert report.discriminator_losses is not None
        losses.append([float(report.generator_losses.total), float(report.discriminator_losses.total)])
    np.testing.assert_allclose(losses, reference["losses"], rtol=_RELATIVE)
    [image] = stylize_with(state.generator.with_fixed_style(0).folded().eval(), [reference["photo"]])
    assert_same_image(image, reference["resumed@0"])


def test_a_new_run_starts_from_its_weights(run: Path, reference: Mapping[str, NDArray[Any]]) -> None:
    """`model.start_from` accepts its keys too, and takes the averaged weights."""
    state = build_state(RunFolder(run).config)
    load_pretrained_weights(state, run)
    [image] = stylize_with(state.ema.with_fixed_style(0).folded(), [reference["photo"]])
    assert_same_image(image, reference["stylized@0"])


class Brighten(Stylizer):
    """Adds to every channel."""

    def __init__(self, levels: int) -> None:
        self._levels = levels

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity(f"brighten-{self._levels}", f"{self._levels:064x}", (), "Apache-2.0")

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [np.clip(image.astype(int) + self._levels, 0, 255).astype(np.uint8) for image in images]


def test_train_resumes_it(run: Path, tmp_path: Path, photos: Any) -> None:
    """`train(..., resume=True)` accepts its configuration, checkpoint and metrics."""
    for number, photo in enumerate(photos(8, 40, 40)):
        write_picture(tmp_path / "photos" / f"{number}.png", Picture(photo))
    settings = PairsConfig(content=(tmp_path / "photos",), size=40, val_share=0.25, test_share=0)
    make_pairs(settings, [Brighten(10), Brighten(60)], tmp_path / "pairs")
    # The pair set of the run is not committed: let the run believe that it was trained on this one.
    config = apply_overrides(RunFolder(run).config, [f"pairs.path={tmp_path / 'pairs'}", "train.images=166"])
    meta_file = RunFolder(run).checkpoint() / META_FILE
    meta = dataclasses.replace(CheckpointMeta.read(meta_file), pairs_sha256=open_training_data(config).digest)
    write_json(meta_file, meta.to_json())
    report = train(config, run, resume=True)
    assert (report.step, report.images_seen) == (83, 166)
    assert RunFolder(run).checkpoints == ["step-0000080", "step-0000083"]


def test_its_exported_filter_names_the_configuration_that_it_stored() -> None:
    run = next(_FOLDER.rglob("config.json")).parent
    stored = json.loads((run / "config.json").read_text(encoding="utf-8"))["config"]
    assert RunFolder(run).config_sha256 == sha256_json(stored)
