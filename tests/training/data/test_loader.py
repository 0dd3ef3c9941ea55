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
    """`stream("train.augment.crop=48", decoded=True, seed=1)`: of the tiny experiment's pairs."""

    def build(*changes: str, decoded: bool = False, seed: int = 0) -> CropStream:
        config = experiment(*changes)
        material, augment = open_training_data(config), config.train.augment
        known = decode_to_memory(material, material.entries, augment) if decoded else None
        return CropStream(material, augment, seed, known)

    return build


def contents(steps: list[list[PairBatch]]) -> torch.Tensor:
    return torch.cat([part.content for step in steps for part in step])


def test_an_epoch_holds_each_pair_once_in_another_order(stream: Callable[..., CropStream]) -> None:
    data = stream("train.augment.crop=48")
    n = len(data)
    first, second = ([data[p + e * n][0].tobytes() for p in range(n)] for e in (0, 1))
    assert len(set(first)) == n
    assert set(first) == set(second)
    assert first != second


def test_geometry_is_shared(stream: Callable[..., CropStream]) -> None:
    """The teacher is a function of each pixel, so a cut and mirrored pair must still obey it."""
    data = stream("train.augment.flip=true")
    for position in range(len(data)):
        content, target = data[position]
        assert target is not None
        wanted = 255 - (255 - content.mean(axis=2, keepdims=True)) * np.array([1, 0.8, 0.5])
        assert np.abs(wanted - target).max() < 1


def test_color_changes_the_content_alone(stream: Callable[..., CropStream]) -> None:
    plain, colored = stream(), stream("train.augment.color_jitter=0.5")
    changed = 0
    for position in range(len(plain)):
        (a, b), (c, d) = plain[position], colored[position]
        np.testing.assert_array_equal(b, d)
        changed += not np.array_equal(a, c)
    assert changed > len(plain) // 2


def test_crops_and_mirrors_are_spread_evenly(stream: Callable[..., CropStream]) -> None:
    plan = stream("train.augment.flip=true", "train.augment.align_px=1").plan
    cuts = plan.crops_at(range(100 * len(plan)))
    for numbers in (cuts.top, cuts.left):
        assert (numbers.min(), numbers.max()) == (0, 48 - 32)
        assert abs(numbers.mean() - 8) < 0.5
    assert 0.45 < cuts.flip.mean() < 0.55
    for one, other in ((cuts.top, cuts.left), (cuts.top, cuts.flip), (cuts.top[:-1], cuts.top[1:])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_crops_begin_on_the_teachers_grid(stream: Callable[..., CropStream]) -> None:
    for changes, places in (((), {0, 4, 8, 12, 16}), (("train.augment.align_px=7",), {0, 7, 14})):
        plan = stream(*changes).plan
        cuts = plan.crops_at(range(40 * len(plan)))
        assert set(cuts.top.tolist()) == set(cuts.left.tolist()) == places
        assert not cuts.flip.any()


def test_a_mirrored_crop_is_the_crop_mirrored(stream: Callable[..., CropStream]) -> None:
    straight, mirrored = stream(), stream("train.augment.flip=true")
    flips = mirrored.plan.crops_at(range(len(mirrored))).flip
    assert 0 < flips.sum() < len(flips)
    for position, flip in enumerate(flips):
        wanted = straight[position][0]
        np.testing.assert_array_equal(mirrored[position][0], wanted[:, ::-1] if flip else wanted)


def test_another_seed_is_another_stream(stream: Callable[..., CropStream]) -> None:
    one, other = (stream(seed=seed).plan.crops_at(range(50)) for seed in (0, 1))
    assert not np.array_equal(one.index, other.index)
    assert not np.array_equal(one.top, other.top)


def test_any_start_gives_the_same_stream(stream: Callable[..., CropStream], experiment: Experiment) -> None:
    data, train = stream(), experiment().train
    whole = contents(list(load_batches(data, train, start=0, device=CPU)))
    rest = contents(list(load_batches(data, train, start=20, device=CPU)))
    assert len(whole) == train.images
    assert torch.equal(whole[20:], rest)
    assert whole.min() >= -1
    assert whole.max() <= 1


@pytest.mark.parametrize("jitter", ["0", "0.3"])
def test_worker_processes_change_nothing(
    stream: Callable[..., CropStream], experiment: Experiment, jitter: str
) -> None:
    data = stream(f"train.augment.color_jitter={jitter}")
    found = [
        contents(list(load_batches(data, experiment(f"train.workers={n}").train, start=4, device=CPU))) for n in (0, 2)
    ]
    assert torch.equal(*found)


@pytest.mark.parametrize("changes", [(), ("train.augment.resize=40",)])
def test_decoding_once_changes_nothing(stream: Callable[..., CropStream], changes: tuple[str, ...]) -> None:
    anew, once = stream(*changes), stream(*changes, decoded=True)
    for position in range(len(anew)):
        for one, other in zip(anew[position], once[position], strict=True):
            np.testing.assert_array_equal(one, other)


def test_processes_and_parts_share_a_batch(stream: Callable[..., CropStream], experiment: Experiment) -> None:
    data = stream()
    whole = contents(list(load_batches(data, experiment("train.batch=8").train, start=8, device=CPU)))
    train = experiment("train.batch=8", "train.accumulate=2").train
    ranks = [list(load_batches(data, train, start=8, device=CPU, world=World(rank, 2))) for rank in (0, 1)]
    assert [len(part.content) for part in ranks[0][0]] == [2, 2]
    together = [contents([both]) for steps in zip(*ranks, strict=True) for both in steps]
    assert torch.equal(torch.cat(together), whole)


def test_a_batch_that_cannot_be_shared_out_is_refused(
    stream: Callable[..., CropStream], experiment: Experiment
) -> None:
    train = experiment("train.batch=6", "train.accumulate=2").train
    with pytest.raises(ConfigError, match=r"\[train -> batch\] 6 pairs .* 2 processes with 2 parts .* to 8"):
        load_batches(stream(), train, start=0, device=CPU, world=World(0, 2))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_bytes_become_numbers_exactly(layout: torch.memory_format) -> None:
    levels = np.arange(256, dtype=np.uint8)
    pixels = np.random.default_rng(0).permuted(np.tile(levels, 6)).reshape(2, 16, 16, 3)
    numbers = bytes_to_signed(pixels, layout)
    assert numbers.is_contiguous(memory_format=layout)
    assert torch.equal(numbers, to_signed(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(torch.float32)))
    back = (numbers * 127.5 + 127.5).round().to(torch.uint8)
    assert torch.equal(back, torch.from_numpy(pixels).permute(0, 3, 1, 2))


def test_the_layout_changes_no_value(stream: Callable[..., CropStream], experiment: Experiment) -> None:
    data = stream(decoded=True)
    one, other = (
        contents(list(load_batches(data, experiment(f"train.channels_last={last}").train, start=0, device=CPU)))
        for last in ("true", "false")
    )
    assert torch.equal(one, other)


def test_the_decoded_file_holds_the_pairs_or_is_not_written(experiment: Experiment, tmp_path: Path) -> None:
    config = experiment()
    material, augment = open_training_data(config), config.train.augment
    decoded = decode_to_file(material, material.entries, augment, tmp_path / "cache", 1.0)
    assert decoded is not None
    for i, entry in enumerate(material.entries):
        for one, other in zip((decoded.content(i), decoded.target(i)), material.read_pair(entry), strict=True):
            np.testing.assert_array_equal(one, other)
    assert (tmp_path / "cache" / "decoded.u8").stat().st_size == len(material.entries) * 2 * 48 * 48 * 3
    assert decode_to_file(material, material.entries, augment, tmp_path / "none", 1e-6) is None
    assert not (tmp_path / "none").exists()


def test_a_file_that_cannot_be_written_is_named(experiment: Experiment, tmp_path: Path) -> None:
    config = experiment()
    material = open_training_data(config)
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataError, match=r"cache/decoded\.u8: cannot be written .* train\.decoded_cache_gb: 0"):
        decode_to_file(material, material.entries, config.train.augment, tmp_path / "cache", 1.0)


def test_pairs_of_any_sizes_are_cut_to_one(experiment: Experiment, tmp_path: Path, photos) -> None:
    for i, (height, width) in enumerate([(40, 60), (64, 32), (50, 50)]):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photos(3, height, width)[i]))
    pairs = PairsConfig(content=(tmp_path / "photos",), fit="keep", val_share=0, test_share=0)
    make_pairs(pairs, WatercolorTeacher(), tmp_path / "pairs")
    config = experiment(f"pairs.path={tmp_path / 'pairs'}")
    material, augment = open_training_data(config), config.train.augment
    assert [(entry.height_px, entry.width_px) for entry in material.entries] == [(40, 60), (64, 32), (50, 50)]
    cached = CropStream(material, augment, 0, decode_to_memory(material, material.entries, augment))
    plain = CropStream(material, augment, 0)
    for position in range(6):
        for one, other in zip(cached[position], plain[position], strict=True):
            assert one is not None
            assert one.shape == (32, 32, 3)
            np.testing.assert_array_equal(one, other)
    with pytest.raises(ConfigError, match=r"33 is larger than the smallest pair, 32x64 \(1\.png\)"):
        check_crop(augment.model_copy(update={"crop": 33}), material.entries)
