from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.config.train import AugmentConfig
from pix2style.errors import ConfigError
from pix2style.images import Picture, to_signed, write_picture
from pix2style.pairs.build import make_pairs
from pix2style.pairs.reader import PairReader
from pix2style.teachers.watercolor import WatercolorTeacher
from pix2style.training.data import PairDataset, batches, check_crop, decode_once


def dataset(pair_set: Path, seed: int = 0, **augment: object) -> PairDataset:
    reader = PairReader(pair_set)
    return PairDataset(reader, reader.entries("train"), AugmentConfig.model_validate({"crop": 32, **augment}), seed)


def test_an_epoch_holds_each_pair_once_in_another_order(pair_set: Path) -> None:
    data = dataset(pair_set, crop=48, flip=False)
    n = len(data)
    first, second = ([data[p + e * n][0].numpy().tobytes() for p in range(n)] for e in (0, 1))
    assert len(set(first)) == n
    assert set(first) == set(second)
    assert first != second


def test_geometry_is_shared(pair_set: Path) -> None:
    """The teacher is a function of each pixel, so a cut and mirrored pair must still obey it."""
    data = dataset(pair_set)
    for position in range(len(data)):
        content, target = (part.numpy().astype(float) for part in data[position])
        wanted = 255 - (255 - content.mean(axis=0, keepdims=True)) * np.array([1, 0.8, 0.5])[:, None, None]
        assert np.abs(wanted - target).max() < 1


def test_color_changes_the_content_alone(pair_set: Path) -> None:
    plain, colored = dataset(pair_set), dataset(pair_set, color_jitter=0.5)
    changed = 0
    for position in range(len(plain)):
        (a, b), (c, d) = plain[position], colored[position]
        assert torch.equal(b, d)
        changed += not torch.equal(a, c)
    assert changed > len(plain) // 2


def test_crops_differ_between_samples_and_epochs(pair_set: Path) -> None:
    data = dataset(pair_set)
    views = {data[p][0].numpy().tobytes() for p in range(3 * len(data))}
    assert len(views) > 2 * len(data)


def test_any_start_gives_the_same_stream(pair_set: Path, experiment: Callable[..., Config]) -> None:
    data, train = dataset(pair_set), experiment().train
    whole = torch.cat([b.content for b in batches(data, train, start=0, device=torch.device("cpu"))])
    rest = torch.cat([b.content for b in batches(data, train, start=20, device=torch.device("cpu"))])
    assert len(whole) == train.images
    assert torch.equal(whole[20:], rest)
    assert whole.min() >= -1
    assert whole.max() <= 1


def test_bytes_become_numbers_exactly() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    signed = to_signed(levels.to(torch.float32))
    assert torch.equal((signed * 127.5 + 127.5).round().to(torch.uint8), levels)


def test_decoding_once_gives_the_same_bytes(pair_set: Path, tmp_path: Path) -> None:
    reader = PairReader(pair_set)
    entries = reader.entries("train")
    decoded = decode_once(reader, entries, tmp_path / "cache", 1.0)
    assert decoded is not None
    for i, entry in enumerate(entries):
        for one, other in zip(decoded[i], reader.read(entry), strict=True):
            np.testing.assert_array_equal(one, other)
    assert decode_once(reader, entries, tmp_path / "cache", 1e-6) is None


def test_pairs_of_any_sizes_are_cut_to_one(tmp_path: Path, photos) -> None:
    for i, (height, width) in enumerate([(40, 60), (64, 32), (50, 50)]):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photos(3, height, width)[i]))
    config = PairsConfig(content=(tmp_path / "photos",), fit="keep", val_share=0, test_share=0)
    make_pairs(config, WatercolorTeacher(), tmp_path / "pairs")
    reader = PairReader(tmp_path / "pairs")
    entries = reader.entries("train")
    assert [(entry.height_px, entry.width_px) for entry in entries] == [(40, 60), (64, 32), (50, 50)]
    augment = AugmentConfig(crop=32)
    check_crop(augment, entries)
    cached = PairDataset(reader, entries, augment, 0, decode_once(reader, entries, tmp_path / "cache", 1.0))
    plain = PairDataset(reader, entries, augment, 0)
    for position in range(6):
        for one, other in zip(cached[position], plain[position], strict=True):
            assert one.shape == (3, 32, 32)
            assert torch.equal(one, other)
    with pytest.raises(ConfigError, match=r"33 is larger than the smallest pair, 32x64 \(1\.png\)"):
        check_crop(AugmentConfig(crop=33), entries)
