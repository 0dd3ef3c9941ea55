"""The structure distance against an independent computation, and what it does and does not react to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style.evaluation.structure import structure_distance
from pix2style.evaluation.style import load_style_metric
from pix2style.images import Image8, fit_within, read_picture


def _expected(photo: torch.Tensor, output: torch.Tensor) -> float:
    """The definition in float64, patch by patch, over the patches of every fourth row and column."""
    channels, height, width = photo.shape
    logits = []
    for tensor in (photo, output):
        values = tensor.double().numpy()
        patches = (values / np.sqrt((values**2).mean())).reshape(channels, -1).T
        logits.append(patches @ patches.T / channels)
    chosen = [y * width + x for y in range(0, height, 4) for x in range(0, width, 4)]
    shares = [np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in logits]
    divergences = (shares[0] * np.log(shares[0] / shares[1])).sum(axis=1)[chosen]
    plain = (shares[0] * np.log(shares[0] * height * width)).sum(axis=1)[chosen]
    return float(divergences.mean() / plain.mean())


def _activations(seed: int, *, offset: float = 0.5) -> torch.Tensor:
    return (torch.randn(16, 10, 13, generator=torch.Generator().manual_seed(seed)) + offset).relu()


def test_the_distance_equals_the_formula() -> None:
    photo, output = _activations(0), _activations(1)
    assert structure_distance(photo, output) == pytest.approx(_expected(photo, output), rel=1e-3)


def test_the_same_structure_has_the_distance_0_whatever_the_units_and_channels() -> None:
    photo = _activations(0)
    assert structure_distance(photo, photo) == pytest.approx(0, abs=1e-4)
    assert structure_distance(photo, 100 * photo) == pytest.approx(0, abs=1e-4)
    assert structure_distance(photo, photo.flip(0)) == pytest.approx(0, abs=1e-4)


def test_a_plain_area_has_the_distance_1_and_an_empty_one_is_finite() -> None:
    photo = _activations(0)
    assert structure_distance(photo, torch.ones_like(photo)) == pytest.approx(1, rel=1e-3)
    assert np.isfinite(structure_distance(torch.zeros_like(photo), torch.zeros_like(photo)))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        structure_distance(_activations(0), _activations(0)[:, :5])


def test_contrast_costs_little_structure_and_another_photo_all(assets: Path) -> None:
    path = assets / "assets" / "vgg" / "vgg19_to_conv3_1.safetensors"
    if not path.is_file():
        pytest.skip(f"no {path}")
    metric, _ = load_style_metric(str(path))
    assert metric is not None
    files = sorted((assets / "data" / "content").rglob("*.jpg"))[:2]
    photo, other = (fit_within(read_picture(file).rgb, 160) for file in files)
    height, width = min(photo.shape[0], other.shape[0]), min(photo.shape[1], other.shape[1])
    photo, other = (np.ascontiguousarray(one[:height, :width]) for one in (photo, other))
    paler: Image8 = (64 + photo // 2).astype(np.uint8)
    structures = [metric.features(one).structure for one in (photo, paler, other)]
    assert all(structure is not None for structure in structures)
    first, pale, foreign = (structure for structure in structures if structure is not None)
    assert structure_distance(first, pale) < 0.2
    assert structure_distance(first, foreign) > 0.8


def test_the_evaluation_reports_it(tmp_path: Path, photos: Callable[..., list[Image8]], vgg_to_conv3_1: Path) -> None:
    metric, _ = load_style_metric(str(vgg_to_conv3_1))
    assert metric is not None
    features = metric.features(photos(1)[0])
    assert features.structure is not None
    assert features.structure.shape == (256, 12, 16)
