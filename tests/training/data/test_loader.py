from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, DataError
from pix2style.images import Picture, to_signed, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.teachers.watercolor import WatercolorTeacher
from pix2style.training.batch import PairBatch
from pix2style.training.data.convert import bytes_to_signed
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.crops import check_crop
from pix2style.training.data.decoded_cache import decode_to_file, decode_to_memory
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sources import open_training_data
from pix2style.training.distributed import World

CPU = torch.device("cpu")
Experiment = Callable[..., Config]


@pytest.fixture
def stream(experiment: Experiment) -> Callable[..., CropStream]:
    """`stream("train.augment.crop=48", decoded=True, seed=1)`: crops of the tiny experiment's pairs."""

    def build(*changes: str, decoded: bool = False, seed: int = 0) -> CropStream:
        config = experiment(*changes)
        data, augment = open_training_data(config), config.train.augment
        cache = decode_to_memory(data, data.entries, augment) if decoded else None
        return CropStream(data, augment, seed, cache)

    return build


def contents(steps: list[list[PairBatch]]) -> torch.Tensor:
    return torch.cat([micro_batch.content for step in steps for micro_batch in step])


def test_each_epoch_holds_each_pair_once_in_a_new_order(stream: Callable[..., CropStream]) -> None:
    data = stream("train.augment.crop=48")
    n = len(data)
    first, second = ([data[p + e * n][0].tobytes() for p in range(n)] for e in (0, 1))
    assert len(set(first)) == n
    assert set(first) == set(second)
    assert first != second


def test_photo_and_target_are_cropped_alike(stream: Callable[..., CropStream]) -> None:
    """The teacher is a function of each pixel, so it must hold for a cropped and mirrored pair, too."""
    data = stream("train.augment.flip=true")
    for position in range(len(data)):
        content, target = data[position]
        assert target is not None
        expected = 255 - (255 - content.mean(axis=2, keepdims=True)) * np.array([1, 0.8, 0.5])
        assert np.abs(expected - target).max() < 1


def test_crops_and_flips_are_uniform_and_independent(stream: Callable[..., CropStream]) -> None:
    plan = stream("train.augment.flip=true", "train.augment.align_px=1").plan
    crops = plan.crops_at(range(100 * len(plan)))
    for numbers in (crops.top, crops.left):
        assert (numbers.min(), numbers.max()) == (0, 48 - 32)
        assert abs(numbers.mean() - 8) < 0.5
    assert 0.45 < crops.flip.mean() < 0.55
    for one, other in ((crops.top, crops.left), (crops.top, crops.flip), (crops.top[:-1], crops.top[1:])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_crops_begin_on_the_configured_grid(stream: Callable[..., CropStream]) -> None:
    for changes, offsets in (((), {0, 4, 8, 12, 16}), (("train.augment.align_px=7",), {0, 7, 14})):
        plan = stream(*changes).plan
        crops = plan.crops_at(range(40 * len(plan)))
        assert set(crops.top.tolist()) == set(crops.left.tolist()) == offsets
        assert not crops.flip.any()


def test_a_flip_mirrors_the_same_crop(stream: Callable[..., CropStream]) -> None:
    straight, mirrored = stream(), stream("train.augment.flip=true")
    flips = mirrored.plan.crops_at(range(len(mirrored))).flip
    assert 0 < flips.sum() < len(flips)
    for position, flip in enumerate(flips):
        crop = straight[position][0]
        np.testing.assert_array_equal(mirrored[position][0], crop[:, ::-1] if flip else crop)


def test_another_seed_gives_another_stream(stream: Callable[..., CropStream]) -> None:
    first, other = (stream(seed=seed).plan.crops_at(range(50)) for seed in (0, 1))
    assert not np.array_equal(first.index, other.index)
    assert not np.array_equal(first.top, other.top)


def test_the_stream_is_the_same_from_any_start(stream: Callable[..., CropStream], experiment: Experiment) -> None:
    data, train = stream(), experiment().train
    whole = contents(list(load_batches(data, train, start=0, device=CPU)))
    rest = contents(list(load_batches(data, train, start=20, device=CPU)))
    assert len(whole) == train.images
    assert torch.equal(whole[20:], rest)
    assert whole.min() >= -1
    assert whole.max() <= 1


def test_worker_processes_do_not_change_the_result(stream: Callable[..., CropStream], experiment: Experiment) -> None:
    data = stream()
    loaded = [
        contents(list(load_batches(data, experiment(f"train.workers={n}").train, start=4, device=CPU))) for n in (0, 2)
    ]
    assert torch.equal(*loaded)


@pytest.mark.parametrize("changes", [(), ("train.augment.resize=40",)])
def test_decoding_once_does_not_change_the_result(stream: Callable[..., CropStream], changes: tuple[str, ...]) -> None:
    plain, cached = stream(*changes), stream(*changes, decoded=True)
    for position in range(len(plain)):
        for one, other in zip(plain[position], cached[position], strict=True):
            np.testing.assert_array_equal(one, other)


def test_processes_and_micro_batches_share_a_batch(stream: Callable[..., CropStream], experiment: Experiment) -> None:
    data = stream()
    whole = contents(list(load_batches(data, experiment("train.batch=8").train, start=8, device=CPU)))
    train = experiment("train.batch=8", "train.accumulate=2").train
    ranks = [list(load_batches(data, train, start=8, device=CPU, world=World(rank, 2))) for rank in (0, 1)]
    assert [len(micro_batch.content) for micro_batch in ranks[0][0]] == [2, 2]
    together = [contents([both]) for steps in zip(*ranks, strict=True) for both in steps]
    assert torch.equal(torch.cat(together), whole)


def test_a_batch_that_cannot_be_divided_is_refused(stream: Callable[..., CropStream], experiment: Experiment) -> None:
    train = experiment("train.batch=6", "train.accumulate=2").train
    with pytest.raises(ConfigError, match=r"\[train -> batch\] 6 pairs .* 2 processes with 2 micro-batches .* to 8"):
        load_batches(stream(), train, start=0, device=CPU, world=World(0, 2))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_bytes_are_converted_exactly(layout: torch.memory_format) -> None:
    levels = np.arange(256, dtype=np.uint8)
    pixels = np.random.default_rng(0).permuted(np.tile(levels, 6)).reshape(2, 16, 16, 3)
    signed = bytes_to_signed(pixels, layout)
    assert signed.is_contiguous(memory_format=layout)
    assert torch.equal(signed, to_signed(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(torch.float32)))
    back = (signed * 127.5 + 127.5).round().to(torch.uint8)
    assert torch.equal(back, torch.from_numpy(pixels).permute(0, 3, 1, 2))


def test_the_memory_layout_does_not_change_the_values(
    stream: Callable[..., CropStream], experiment: Experiment
) -> None:
    data = stream(decoded=True)
    one, other = (
        contents(list(load_batches(data, experiment(f"train.channels_last={last}").train, start=0, device=CPU)))
        for last in ("true", "false")
    )
    assert torch.equal(one, other)


def test_the_decoded_file_holds_all_pairs_or_is_not_written(experiment: Experiment, tmp_path: Path) -> None:
    config = experiment()
    data, augment = open_training_data(config), config.train.augment
    decoded = decode_to_file(data, data.entries, augment, tmp_path / "cache", 1.0)
    assert decoded is not None
    for i, entry in enumerate(data.entries):
        for one, other in zip((decoded.content(i), decoded.target(i)), data.read_pair(entry), strict=True):
            np.testing.assert_array_equal(one, other)
    assert (tmp_path / "cache" / "decoded.u8").stat().st_size == len(data.entries) * 2 * 48 * 48 * 3
    assert decode_to_file(data, data.entries, augment, tmp_path / "none", 1e-6) is None
    with pytest.raises(KeyboardInterrupt):
        decode_to_file(data, data.entries, augment, tmp_path / "stopped", 1.0, stop=lambda: True)
    assert not (tmp_path / "none").exists()


def test_an_error_names_the_file_that_cannot_be_written(experiment: Experiment, tmp_path: Path) -> None:
    config = experiment()
    data = open_training_data(config)
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cache/decoded\.u8: cannot be written .* train\.decoded_cache_gb: 0"):
        decode_to_file(data, data.entries, config.train.augment, tmp_path / "cache", 1.0)


def test_pairs_of_any_sizes_give_crops_of_one_size(experiment: Experiment, tmp_path: Path, photos) -> None:
    for i, (height, width) in enumerate([(40, 60), (64, 32), (50, 50)]):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photos(3, height, width)[i]))
    pairs = PairsConfig(content=(tmp_path / "photos",), fit="keep", val_share=0, test_share=0)
    make_pairs(pairs, WatercolorTeacher(), tmp_path / "pairs")
    config = experiment(f"pairs.path={tmp_path / 'pairs'}")
    data, augment = open_training_data(config), config.train.augment
    assert [(entry.height_px, entry.width_px) for entry in data.entries] == [(40, 60), (64, 32), (50, 50)]
    cached = CropStream(data, augment, 0, decode_to_memory(data, data.entries, augment))
    plain = CropStream(data, augment, 0)
    for position in range(6):
        for one, other in zip(cached[position], plain[position], strict=True):
            assert one is not None
            assert one.shape == (32, 32, 3)
            np.testing.assert_array_equal(one, other)
    with pytest.raises(ConfigError, match=r"33 is larger than the smallest pair, 32x64 \(1\.png\)"):
        check_crop(augment.model_copy(update={"crop": 33}), data.entries)


def test_whole_pairs_of_any_sizes_come_one_by_one(experiment: Experiment, tmp_path: Path, photos) -> None:
    sizes = [(40, 60), (64, 32), (50, 50)]
    for i, (height, width) in enumerate(sizes):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photos(3, height, width)[i]))
    pairs = PairsConfig(content=(tmp_path / "photos",), fit="keep", val_share=0, test_share=0)
    make_pairs(pairs, WatercolorTeacher(), tmp_path / "pairs")
    whole = (f"pairs.path={tmp_path / 'pairs'}", "train.augment.crop=null", "train.images=8")
    config = experiment(*whole, "train.batch=2", "train.accumulate=2")
    data, augment = open_training_data(config), config.train.augment
    cached = CropStream(data, augment, 0, decode_to_memory(data, data.entries, augment))
    plain = CropStream(data, augment, 0)
    for position in range(3):
        for one, other in zip(cached[position], plain[position], strict=True):
            np.testing.assert_array_equal(one, other)
        entry = data.entries[int(plain.plan.crops_at([position]).index[0])]
        np.testing.assert_array_equal(plain[position][0], data.read_pair(entry)[0])
    steps = list(load_batches(cached, config.train, start=0, device=CPU))
    shown = [micro_batch.content.shape for step in steps for micro_batch in step]
    assert len(steps) == 4
    assert {(height, width) for _, _, height, width in shown} == set(sizes)
    together = experiment(*whole, "train.batch=4", "train.accumulate=2").train
    with pytest.raises(ConfigError, match=r"null: the pairs differ in size.*train\.batch=4 train\.accumulate=4"):
        load_batches(cached, together, start=0, device=CPU)


def test_whole_pairs_of_one_size_can_share_a_micro_batch(stream: Callable[..., CropStream], experiment) -> None:
    data, train = stream("train.augment.crop=null"), experiment("train.augment.crop=null", "train.batch=4").train
    first = next(load_batches(data, train, start=0, device=CPU))[0]
    height, width = data.sizes[0]
    assert first.content.shape == (4, 3, height, width)
