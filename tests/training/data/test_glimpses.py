"""Crops are painted with what their whole photos look like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style.config import Config
from pix2style.images import to_signed
from pix2style.images.glimpse import glimpse
from pix2style.training.batch import PairBatch
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_memory
from pix2style.training.data.glimpses import photo_glimpse
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sources import open_training_data
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import generate, train_step

CPU = torch.device("cpu")
Experiment = Callable[..., Config]


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (96, 95), (321, 481)])
def test_a_mirrored_photo_has_a_glimpse_of_its_own(size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert np.array_equal(photo_glimpse(photo, flip=False), glimpse(photo))
    assert np.array_equal(photo_glimpse(photo, flip=True), glimpse(photo[:, ::-1]))


@pytest.mark.parametrize("changes", [(), ("train.augment.resize=41",), ("train.augment.color_jitter=0.5",)])
def test_a_crop_comes_with_its_photo_s(experiment: Experiment, changes: tuple[str, ...]) -> None:
    config = experiment("train.augment.flip=true", *changes)
    material, augment = open_training_data(config), config.train.augment
    decoded = decode_to_memory(material, material.entries, augment)
    stream = CropStream(material, augment, 0, decoded, glimpses=True)
    flips = set()
    for position in range(len(stream)):
        cuts = stream.plan.crops_at([position])
        flip = bool(cuts.flip[0])
        flips.add(flip)
        photo = decoded.content(int(cuts.index[0]))
        [found] = stream.byte_batch([position]).glimpse
        assert np.array_equal(found, glimpse(photo[:, ::-1] if flip else photo))
    assert flips == {False, True}


@pytest.mark.parametrize("start", [0, 20])
def test_the_stream_is_the_same_wherever_it_is_cut(experiment: Experiment, start: int) -> None:
    """Decoded before or not, in loader processes, from any start."""
    config, found = experiment("train.accumulate=2"), []
    material, augment = open_training_data(config), config.train.augment
    for workers, decoded in ((0, decode_to_memory(material, material.entries, augment)), (2, None)):
        stream = CropStream(material, augment, 0, decoded, glimpses=True)
        train = experiment("train.accumulate=2", f"train.workers={workers}").train
        steps = load_batches(stream, train, start=start, device=CPU)
        found.append([part.glimpse for step in steps for part in step])
    for one, other in zip(*found, strict=True):
        assert one is not None
        assert torch.equal(one, other)
    assert len(found[0]) == (48 - start) / 2


@pytest.mark.parametrize("changes", [("train.accumulate=2", "losses.adversarial.weight=1"), ()])
def test_the_glimpse_teaches_what_the_photo_as_a_whole_says(experiment: Experiment, changes: tuple[str, ...]) -> None:
    """The same noise as a crop of a bright photo and of a dark one: only the glimpse tells them apart."""
    config = experiment("train.generator.lr=0.005", "train.images=1000", *changes)
    state = build_state(config)
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).expand(4, -1, -1, -1)
    told = torch.tensor([0.8, 0.8, -0.8, -0.8])[:, None, None, None].expand(4, 3, 96, 96).contiguous()
    target = 0.5 * told[:, :, :32, :32]
    batch = PairBatch(noise, target, None, told)
    parts = [PairBatch(noise[i::2], target[i::2], None, told[i::2]) for i in (0, 1)] if changes else [batch]
    for _ in range(80):
        train_step(state, parts, config.train)
    assert (generate(state, batch, config.train).image - target).abs().mean() < 0.2


def test_only_where_the_generator_looks(experiment: Experiment, tmp_path: Path) -> None:
    for generator, looks in (("lite", True), ("unet", False)):
        assert build_state(experiment(f"model.generator={generator}")).generator.uses_glimpse == looks
    with pytest.raises(ValueError, match="unet does not use glimpses"):
        build_state(experiment("model.generator=unet")).generator.context_from_glimpse(torch.zeros(1, 3, 96, 96))


def test_numbers_are_those_of_the_picture(experiment: Experiment) -> None:
    config = experiment()
    material, augment = open_training_data(config), config.train.augment
    stream = CropStream(material, augment, 0, glimpses=True)
    [[batch], *_] = load_batches(stream, config.train, start=0, device=CPU)
    wanted = to_signed(torch.from_numpy(stream.byte_batch(range(4)).glimpse).permute(0, 3, 1, 2).float())
    assert torch.equal(batch.glimpse, wanted)
