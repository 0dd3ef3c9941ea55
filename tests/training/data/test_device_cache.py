"""The path of a GPU, run on the CPU: it has to give the same bits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from pix2style.config import Config
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import DecodedPairs, decode_to_memory
from pix2style.training.data.device_cache import iterate_in_thread
from pix2style.training.data.loader import crop_on_device, load_batches
from pix2style.training.data.sources import open_training_data

CPU = torch.device("cpu")


@pytest.mark.parametrize("channels_last", ["true", "false"])
@pytest.mark.parametrize("change", ["train.augment.flip=true", "train.augment.resize=41"])
def test_pairs_on_a_device_are_cut_to_the_same_bits(
    experiment: Callable[..., Config], channels_last: str, change: str
) -> None:
    config = experiment(change, f"train.channels_last={channels_last}")
    material, train = open_training_data(config), config.train
    stream = CropStream(material, train.augment, 0, decode_to_memory(material, material.entries, train.augment))
    steps = list(load_batches(stream, train, start=0, device=CPU))
    positions = [range(first, first + train.batch) for first in range(0, train.images, train.batch)]
    for (wanted,), found in zip(steps, crop_on_device(stream, train, CPU, positions), strict=True):
        assert found.target is not None
        assert torch.equal(found.content, wanted.content)
        assert torch.equal(found.target, wanted.target)
        assert found.content.stride() == wanted.content.stride()
        assert found.style is None
        assert found.glimpse is None


def test_pairs_of_other_sizes_too(experiment: Callable[..., Config]) -> None:
    config = experiment()
    material, augment = open_training_data(config), config.train.augment
    whole = decode_to_memory(material, material.entries, augment)
    # the same bytes, read as pictures of another shape
    sides = whole.sides.copy()
    sides[::2] = (36, 64)
    pairs = DecodedPairs(whole.pixels, whole.contents, whole.targets, sides)
    stream = CropStream(material, augment, 0, pairs, glimpses=True)
    stream.plan = type(stream.plan)([(int(h), int(w)) for h, w in sides], augment, 0)
    positions = [range(3, 40)]
    (found,) = crop_on_device(stream, config.train, CPU, positions)
    part = stream.byte_batch(positions[0])
    for numbers, pixels in ((found.content, part.content), (found.target, part.target), (found.glimpse, part.glimpse)):
        assert numbers is not None
        assert pixels is not None
        back = (numbers * 127.5 + 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
        assert torch.equal(back, torch.from_numpy(pixels))


def test_a_thread_hands_over_everything_in_order() -> None:
    assert list(iterate_in_thread(iter(range(50)), ahead=2)) == list(range(50))


def test_a_threads_error_comes_where_its_items_are_used() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    items = iterate_in_thread(broken())
    assert next(items) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)


def test_a_thread_ends_with_its_user() -> None:
    made: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    items = iterate_in_thread(endless(), ahead=2)
    assert next(items) == 0
    items.close()
    assert not any(thread.name == "pairs" for thread in threading.enumerate())
    assert len(made) <= 5
