"""Cropping on a GPU, run on the CPU here: it has to give the same bits as cropping on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from pix2style.config import Config
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import DecodedPairs, decode_to_memory
from pix2style.training.data.loader import crop_on_device, load_batches
from pix2style.training.data.sources import open_training_data

CPU = torch.device("cpu")


@pytest.mark.parametrize("channels_last", ["true", "false"])
@pytest.mark.parametrize("change", ["train.augment.flip=true", "train.augment.resize=41"])
def test_crops_on_a_device_have_the_same_bits(
    experiment: Callable[..., Config], channels_last: str, change: str
) -> None:
    config = experiment(change, f"train.channels_last={channels_last}")
    data, train = open_training_data(config), config.train
    stream = CropStream(data, train.augment, 0, decode_to_memory(data, data.entries, train.augment))
    steps = list(load_batches(stream, train, start=0, device=CPU))
    positions = [range(first, first + train.batch) for first in range(0, train.images, train.batch)]
    for (expected,), batch in zip(steps, crop_on_device(stream, train, CPU, positions), strict=True):
        assert batch.target is not None
        assert torch.equal(batch.content, expected.content)
        assert torch.equal(batch.target, expected.target)
        assert batch.content.stride() == expected.content.stride()
        assert batch.style is None
        assert batch.glimpse is None


def test_pairs_of_different_sizes_too(experiment: Callable[..., Config]) -> None:
    config = experiment()
    data, augment = open_training_data(config), config.train.augment
    decoded = decode_to_memory(data, data.entries, augment)
    # The same bytes, read as images of another shape.
    sizes = decoded.sizes.copy()
    sizes[::2] = (36, 64)
    pairs = DecodedPairs(decoded.pixels, decoded.contents, decoded.targets, sizes)
    stream = CropStream(data, augment, 0, pairs, glimpses=True)
    stream.plan = type(stream.plan)([(int(h), int(w)) for h, w in sizes], augment, 0)
    positions = [range(3, 40)]
    (batch,) = crop_on_device(stream, config.train, CPU, positions)
    expected = stream.byte_batch(positions[0])
    for floats, pixels in (
        (batch.content, expected.content),
        (batch.target, expected.target),
        (batch.glimpse, expected.glimpse),
    ):
        assert floats is not None
        assert pixels is not None
        back = (floats * 127.5 + 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
        assert torch.equal(back, torch.from_numpy(pixels))


def test_photo_transforms_cannot_be_skipped_on_a_device(experiment: Callable[..., Config]) -> None:
    config = experiment("train.augment.photo=[{name: jpeg}]")
    data, augment = open_training_data(config), config.train.augment
    stream = CropStream(data, augment, 0, decode_to_memory(data, data.entries, augment))
    with pytest.raises(ValueError, match="photos are not transformed"):
        next(crop_on_device(stream, config.train, CPU, [range(4)]))
