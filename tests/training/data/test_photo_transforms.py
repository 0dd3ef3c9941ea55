"""Transforms of `train.augment.photo`: reproducible, independent of each other, and applied to the photo alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import albumentations
import numpy as np
import pytest
import torch

from pix2style.config import Config, parse_config
from pix2style.config.augment import AugmentConfig
from pix2style.images import Image8
from pix2style.training.batch import PairBatch
from pix2style.training.data import photo_transforms
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_memory
from pix2style.training.data.loader import load_batches
from pix2style.training.data.photo_transforms import PhotoTransforms
from pix2style.training.data.sources import open_training_data

CPU = torch.device("cpu")
NAMES = ("gaussian_noise", "shot_noise", "jpeg", "gaussian_blur", "motion_blur", "color_jitter", "downscale")
ALL = f"train.augment.photo=[{', '.join(f'{{name: {name}}}' for name in NAMES)}]"
Experiment = Callable[..., Config]


def transforms(*entries: dict[str, Any]) -> PhotoTransforms:
    return PhotoTransforms(AugmentConfig.model_validate({"photo": entries}).photo)


def contents(steps: list[list[PairBatch]]) -> torch.Tensor:
    return torch.cat([micro_batch.content for step in steps for micro_batch in step])


@pytest.fixture(scope="module")
def photo(photos: Callable[..., list[Image8]]) -> Image8:
    return photos(1, 64, 80)[0]


@pytest.mark.parametrize("name", NAMES)
def test_each_transform_depends_on_the_seed_alone(name: str, photo: Image8) -> None:
    apply, original = transforms({"name": name, "p": 1}), photo.copy()
    first, other = apply(photo, 7), apply(photo, 8)
    assert first.dtype == np.uint8
    assert first.shape == photo.shape
    assert not np.array_equal(first, photo)
    assert not np.array_equal(first, other)
    # A new object, as in another loader process; the same object later, as after a resume.
    assert np.array_equal(first, transforms({"name": name, "p": 1})(photo, 7))
    assert np.array_equal(first, apply(photo, 7))
    assert np.array_equal(photo, original), "the cache of decoded photos must not change"


@pytest.mark.parametrize("name", ["jpeg", "gaussian_blur", "motion_blur", "downscale"])
def test_blurs_and_compression_do_not_move_the_image(name: str) -> None:
    """The target stays where it is, so the centre of a bright spot must stay, too."""
    image = np.zeros((65, 65, 3), np.uint8)
    image[28:37, 28:37] = 255
    for seed in range(20):
        brightness = transforms({"name": name, "p": 1})(image, seed).mean(axis=2)
        for axis in (0, 1):
            profile = brightness.sum(axis=axis)
            assert abs((profile * np.arange(65)).sum() / profile.sum() - 32) < 0.5


def test_probability_and_strength_follow_the_configuration(photo: Image8) -> None:
    half = transforms({"name": "jpeg", "p": 0.5})
    assert 30 < sum(not np.array_equal(half(photo, seed), photo) for seed in range(100)) < 70
    assert np.array_equal(transforms({"name": "jpeg", "p": 0})(photo, 3), photo)
    errors = [
        np.abs(transforms({"name": "gaussian_noise", "p": 1, "std": std})(photo, 3).astype(int) - photo).mean()
        for std in ([0.01, 0.01], [0.05, 0.05], [0.2, 0.2])
    ]
    assert errors == sorted(errors)
    assert 0.6 < errors[0] / (0.01 * 255 * (2 / np.pi) ** 0.5) < 1.4


def test_transforms_are_chosen_independently(photo: Image8) -> None:
    """albumentations' Compose gives all transforms the same seed: all or none of them would be applied."""
    both = transforms({"name": "color_jitter", "hue": [0.2, 0.2]}, {"name": "downscale", "scale": [0.2, 0.2]})
    first, second = both._transforms
    applied = []
    for seed in range(200):
        both(photo, seed)
        applied.append((bool(first.params), bool(second.params)))  # no parameters are drawn if it is not applied
    shares = [applied.count((a, b)) / 200 for a in (True, False) for b in (True, False)]
    assert all(0.1 < share < 0.4 for share in shares), shares


def test_color_jitter_has_the_pixels_of_version_0_1(photo: Image8) -> None:
    """The old key `color_jitter: 0.3` was this transform, applied to the crop with the crop's seed."""
    old = albumentations.Compose([albumentations.ColorJitter((0.7, 1.3), (0.7, 1.3), (0.7, 1.3), (0, 0), p=1.0)])
    new = PhotoTransforms(AugmentConfig.model_validate({"color_jitter": 0.3}).photo)
    for seed in (0, 1, 2**32 - 1):
        old.set_random_seed(seed)
        assert np.array_equal(new(photo, seed), old(image=photo)["image"])


@pytest.mark.parametrize("generator", ["lite", "unet"])
def test_the_target_stays_and_most_photos_change(experiment: Experiment, generator: str) -> None:
    clean, degraded = (experiment(*changes).train.augment for changes in ((), (ALL,)))
    data, glimpses = open_training_data(experiment()), generator == "lite"
    plain, changed = (CropStream(data, augment, 0, glimpses=glimpses) for augment in (clean, degraded))
    differing = 0
    for position in range(len(plain)):
        (content, target), (other_content, other_target) = plain[position], changed[position]
        np.testing.assert_array_equal(target, other_target)
        differing += not np.array_equal(content, other_content)
    assert differing > len(plain) * 0.8


@pytest.mark.parametrize("glimpses", [False, True])
def test_workers_cache_and_resume_do_not_change_the_photos(experiment: Experiment, glimpses: bool) -> None:
    config = experiment(ALL)
    data, augment = open_training_data(config), config.train.augment
    decoded = decode_to_memory(data, data.entries, augment)
    loaded = []
    for workers, start, cache in ((0, 0, None), (0, 0, decoded), (1, 0, decoded), (2, 0, None), (2, 20, decoded)):
        stream = CropStream(data, augment, 0, cache, glimpses=glimpses)
        train = experiment(ALL, f"train.workers={workers}").train
        loaded.append(contents(list(load_batches(stream, train, start=start, device=CPU)))[20 - start :])
    for other in loaded[1:]:
        assert torch.equal(loaded[0], other)


def test_albumentations_asks_no_server_for_its_newest_version() -> None:
    assert photo_transforms.__name__
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


def test_a_configuration_cannot_name_other_classes() -> None:
    for name in ("Lambda", "albumentations.Lambda", "GaussNoise", "os.system"):
        with pytest.raises(Exception, match=r"train -> augment -> photo -> 0.*does not match any"):
            parse_config({}, overrides=[f"train.augment.photo=[{{name: {name}}}]"])
