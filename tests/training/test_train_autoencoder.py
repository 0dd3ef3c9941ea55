"""Train the autoencoder: it learns, the seed determines the weights, and photos are selected by the seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style.errors import DataError
from pix2style.images import FoundImage, Image8, Picture, read_picture, write_picture
from pix2style.training.autoencoder import SIDE_PX, read_photos, train_autoencoder

_SMALL = {"channels": (4, 6, 8, 10), "crop": 32}


def test_training_lowers_the_reconstruction_error(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    losses: list[float] = []
    report = train_autoencoder(
        photos(4, 40, 40), tmp_path / "f.safetensors", steps=80, on_step=losses.append, channels=(8, 8, 8, 8), crop=32
    )
    assert len(losses) == report.steps == 80
    assert report.loss == pytest.approx(np.mean(losses[-8:]))
    assert report.loss < 0.8 * np.mean(losses[:8])
    assert (tmp_path / "f.safetensors").is_file()


def test_the_seed_alone_determines_the_weights(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    images, files = photos(3, 40, 40), [tmp_path / f"{i}.safetensors" for i in range(3)]
    state = torch.get_rng_state()
    for file, seed in zip(files, (1, 1, 2), strict=True):
        torch.manual_seed(len(file.name) + seed)  # the global random state must not matter
        train_autoencoder(images, file, steps=2, seed=seed, **_SMALL)  # type: ignore[arg-type]
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other
    torch.set_rng_state(state)


def test_the_time_limit_ends_the_training(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    report = train_autoencoder(
        photos(2, 40, 40),
        tmp_path / "f.safetensors",
        steps=10**9,
        seconds=0.2,
        **_SMALL,  # type: ignore[arg-type]
    )
    assert 1 <= report.steps < 10**6


def test_too_small_photos_are_refused(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    with pytest.raises(DataError, match="none of the 2 images is 96 px high and wide"):
        train_autoencoder(photos(2, 64, 200), tmp_path / "f.safetensors", steps=1)
    assert not list(tmp_path.iterdir())


def test_photos_are_shrunk_and_selected_by_the_seed(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    files = []
    for i, photo in enumerate(photos(6, 40, 2 * SIDE_PX)):
        write_picture(tmp_path / f"{i}.png", Picture(photo))
        files.append(FoundImage(f"{i}.png", tmp_path / f"{i}.png"))
    (tmp_path / "3.png").write_bytes(b"not an image")
    all_photos, failures = read_photos(files, 100, seed=0)
    assert [photo.shape for photo in all_photos] == [(20, SIDE_PX, 3)] * 5
    assert [Path(failure.name).name for failure in failures] == ["3.png"]
    some, same, others = (read_photos(files, 2, seed=seed)[0] for seed in (0, 0, 5))
    assert len(some) <= 2
    assert all(np.array_equal(a, b) for a, b in zip(some, same, strict=True))
    assert len(some) != len(others) or any(not np.array_equal(a, b) for a, b in zip(some, others, strict=True))
    assert read_picture(tmp_path / "0.png").rgb.shape[1] == 2 * SIDE_PX
