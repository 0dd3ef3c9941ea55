"""Crops come with glimpses of their whole photos, and the generator learns from them."""

from __future__ import annotations

from collections.abc import Callable

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
NOISE = "train.augment.photo=[{name: gaussian_noise, p: 1, std: [0.1, 0.1]}]"
Experiment = Callable[..., Config]


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (96, 95), (321, 481)])
def test_a_mirrored_photo_has_its_own_glimpse(size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert np.array_equal(photo_glimpse(photo, flip=False), glimpse(photo))
    assert np.array_equal(photo_glimpse(photo, flip=True), glimpse(photo[:, ::-1]))


@pytest.mark.parametrize("changes", [(), ("train.augment.resize=41",), (NOISE,)])
def test_a_crop_comes_with_the_glimpse_of_its_photo(experiment: Experiment, changes: tuple[str, ...]) -> None:
    config = experiment("train.augment.flip=true", *changes)
    data, augment = open_training_data(config), config.train.augment
    decoded = decode_to_memory(data, data.entries, augment)
    stream = CropStream(data, augment, 0, decoded, glimpses=True)
    flips = set()
    for position in range(len(stream)):
        crops = stream.plan.crops_at([position])
        flip = bool(crops.flip[0])
        flips.add(flip)
        photo = decoded.content(int(crops.index[0]))
        if stream.photo_transforms:
            photo = stream.photo_transforms(photo, int(crops.photo_seed[0]))
        batch = stream.byte_batch([position])
        assert batch.glimpse is not None
        assert np.array_equal(batch.glimpse[0], glimpse(photo[:, ::-1] if flip else photo))
        top, left = int(crops.top[0]), int(crops.left[0])
        crop = photo[top : top + augment.crop, left : left + augment.crop]
        assert np.array_equal(batch.content[0], crop[:, ::-1] if flip else crop)
    assert flips == {False, True}


@pytest.mark.parametrize("photo", ["train.augment.photo=[]", NOISE])
@pytest.mark.parametrize("start", [0, 20])
def test_loading_differently_gives_the_same_glimpses(experiment: Experiment, start: int, photo: str) -> None:
    """Decoded before or not, in this process or in loader processes, from any start."""
    config, loaded = experiment("train.accumulate=2", photo), []
    data, augment = open_training_data(config), config.train.augment
    for workers, decoded in ((0, decode_to_memory(data, data.entries, augment)), (2, None)):
        stream = CropStream(data, augment, 0, decoded, glimpses=True)
        train = experiment("train.accumulate=2", photo, f"train.workers={workers}").train
        steps = load_batches(stream, train, start=start, device=CPU)
        loaded.append([micro_batch.glimpse for step in steps for micro_batch in step])
    for first, second in zip(*loaded, strict=True):
        assert first is not None
        assert torch.equal(first, second)
    assert len(loaded[0]) == (48 - start) / 2


@pytest.mark.parametrize("changes", [("train.accumulate=2", "losses.adversarial.weight=1"), ()])
def test_the_generator_learns_from_the_glimpse(experiment: Experiment, changes: tuple[str, ...]) -> None:
    """The same noise is a crop of a bright photo and of a dark one: only the glimpse tells them apart."""
    config = experiment("train.generator.lr=0.005", "train.images=1000", *changes)
    state = build_state(config)
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).expand(4, -1, -1, -1)
    levels = torch.tensor([0.8, 0.8, -0.8, -0.8])[:, None, None, None]
    glimpses = levels.expand(4, 3, 96, 96).contiguous()
    target = 0.5 * glimpses[:, :, :32, :32]
    batch = PairBatch(noise, target, None, glimpses)
    halves = [PairBatch(noise[i::2], target[i::2], None, glimpses[i::2]) for i in (0, 1)]
    for _ in range(80):
        train_step(state, halves if changes else [batch], config.train)
    assert (generate(state, batch, config.train).image - target).abs().mean() < 0.2


def test_only_the_lightweight_generator_takes_a_glimpse(experiment: Experiment) -> None:
    for generator, uses_glimpse in (("lite", True), ("unet", False)):
        assert build_state(experiment(f"model.generator={generator}")).generator.uses_glimpse == uses_glimpse
    with pytest.raises(ValueError, match="unet does not use glimpses"):
        build_state(experiment("model.generator=unet")).generator.context_from_glimpse(torch.zeros(1, 3, 96, 96))


def test_glimpses_are_converted_like_photos(experiment: Experiment) -> None:
    config = experiment()
    data, augment = open_training_data(config), config.train.augment
    stream = CropStream(data, augment, 0, glimpses=True)
    [[batch], *_] = load_batches(stream, config.train, start=0, device=CPU)
    pixels = stream.byte_batch(range(4)).glimpse
    assert pixels is not None
    assert batch.glimpse is not None
    assert torch.equal(batch.glimpse, to_signed(torch.from_numpy(pixels).permute(0, 3, 1, 2).float()))
