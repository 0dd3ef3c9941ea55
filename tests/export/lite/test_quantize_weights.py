"""Weights in whole numbers of steps: near, with the right sums, and alike where pixels have to agree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pix2style.export.graph_builder import Floats
from pix2style.export.lite.quantize_weights import rounded


def _weights(*shape: int) -> Floats:
    return np.random.default_rng(0).normal(size=shape)


def _wanted(weight: Floats, steps: Floats) -> Floats:
    return weight / steps[:, None, None, None]


@pytest.mark.parametrize("shape", [(16, 12, 3, 3), (8, 3, 4, 4), (4, 5, 1, 1)])
def test_kernels_are_near_and_so_are_their_sums(shape: tuple[int, ...]) -> None:
    weight = _weights(*shape)
    whole, steps = rounded(weight)
    assert np.array_equal(whole, np.rint(whole))
    assert np.abs(whole).max() <= 127
    wanted = _wanted(weight, steps)
    assert np.abs(whole - wanted).max() < 1
    assert np.abs((whole - wanted).sum(axis=(2, 3))).max() <= 0.5


def test_no_other_weights_with_that_sum_are_nearer() -> None:
    weight = _weights(6, 4, 2, 2)
    whole, steps = rounded(weight)
    for given, wanted in zip(whole.reshape(-1, 4), _wanted(weight, steps).reshape(-1, 4), strict=True):
        others = (np.floor(wanted) + ups for ups in product((0, 1), repeat=4))
        least = min(np.square(o - wanted).sum() for o in others if o.sum() == given.sum())
        assert np.square(given - wanted).sum() == pytest.approx(least)


def test_ordinary_rounding_misses_sums_by_more() -> None:
    weight = _weights(32, 32, 3, 3)
    whole, steps = rounded(weight)
    wanted = _wanted(weight, steps)
    missed = [float(np.square((w - wanted).sum(axis=(2, 3))).mean()) ** 0.5 for w in (np.rint(wanted), whole)]
    assert missed == pytest.approx([(9 / 12) ** 0.5, (1 / 12) ** 0.5], rel=0.1)


def test_pixels_of_a_flat_head_agree() -> None:
    pixels, colours = 4, 3
    weight = _weights(pixels * colours, 7, 3, 3)
    by_pixel = weight.reshape(pixels, colours, 7, 3, 3)
    by_pixel -= (by_pixel - by_pixel.mean(axis=0)).mean(axis=(3, 4), keepdims=True)  # as `FlatHead.flat` does
    whole, steps = rounded(weight, colours=colours)
    sums = whole.sum(axis=(2, 3)).reshape(pixels, colours, 7)
    assert (sums == sums[0]).all()
    assert (steps.reshape(pixels, colours) == steps[:colours]).all()
    assert np.abs(whole).max() <= 127


def test_zeros_stay_zeros() -> None:
    whole, steps = rounded(np.zeros((2, 3, 3, 3)))
    assert not whole.any()
    assert (steps > 0).all()
