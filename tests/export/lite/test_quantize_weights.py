"""Quantised weights: close to the exact ones, with the right kernel sums, and equal sums where pixels have to agree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pix2style.export.graph_builder import Floats
from pix2style.export.lite.quantize_weights import quantize_weights


def _weights(*shape: int) -> Floats:
    return np.random.default_rng(0).normal(size=shape)


def _exact(weight: Floats, scales: Floats) -> Floats:
    return weight / scales[:, None, None, None]


@pytest.mark.parametrize("shape", [(16, 12, 3, 3), (8, 3, 4, 4), (4, 5, 1, 1)])
def test_weights_and_kernel_sums_are_close(shape: tuple[int, ...]) -> None:
    weight = _weights(*shape)
    quantized = quantize_weights(weight)
    assert np.array_equal(quantized.values, np.rint(quantized.values))
    assert np.abs(quantized.values).max() <= 127
    error = quantized.values - _exact(weight, quantized.scales)
    assert np.abs(error).max() < 1
    assert np.abs(error.sum(axis=(2, 3))).max() <= 0.5


def test_no_other_integers_with_that_sum_are_closer() -> None:
    weight = _weights(6, 4, 2, 2)
    quantized = quantize_weights(weight)
    exact_kernels = _exact(weight, quantized.scales).reshape(-1, 4)
    for kernel, exact in zip(quantized.values.reshape(-1, 4), exact_kernels, strict=True):
        candidates = (np.floor(exact) + ups for ups in product((0, 1), repeat=4))
        least_error = min(np.square(c - exact).sum() for c in candidates if c.sum() == kernel.sum())
        assert np.square(kernel - exact).sum() == pytest.approx(least_error)


def test_independent_rounding_misses_sums_by_more() -> None:
    weight = _weights(32, 32, 3, 3)
    quantized = quantize_weights(weight)
    exact = _exact(weight, quantized.scales)
    rms_errors = [
        float(np.square((values - exact).sum(axis=(2, 3))).mean()) ** 0.5
        for values in (np.rint(exact), quantized.values)
    ]
    assert rms_errors == pytest.approx([(9 / 12) ** 0.5, (1 / 12) ** 0.5], rel=0.1)


def test_pixels_of_a_flat_head_get_equal_sums_and_scales() -> None:
    pixels, colours = 4, 3
    weight = _weights(pixels * colours, 7, 3, 3)
    by_pixel = weight.reshape(pixels, colours, 7, 3, 3)
    # What `FlatHead` does: the kernels of all pixels of a patch have the same sum.
    by_pixel -= (by_pixel - by_pixel.mean(axis=0)).mean(axis=(3, 4), keepdims=True)
    quantized = quantize_weights(weight, colours=colours)
    sums = quantized.values.sum(axis=(2, 3)).reshape(pixels, colours, 7)
    assert (sums == sums[0]).all()
    assert (quantized.scales.reshape(pixels, colours) == quantized.scales[:colours]).all()
    assert np.abs(quantized.values).max() <= 127


def test_zeros_stay_zeros() -> None:
    quantized = quantize_weights(np.zeros((2, 3, 3, 3)))
    assert not quantized.values.any()
    assert (quantized.scales > 0).all()


@pytest.mark.parametrize("shape", [(64, 48, 3, 3), (48, 3, 4, 4), (16, 5, 1, 1)])
def test_two_products_fit_into_16_bits(shape: tuple[int, ...]) -> None:
    """Processors without VNNI add two products of 8 bits in 16, and cut off what is larger."""
    values = quantize_weights(_weights(*shape)).values
    for zero_point in (0, -1):
        rows = (values + zero_point).transpose(0, 2, 3, 1).reshape(shape[0], -1)  # channels last
        rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).reshape(shape[0], -1, 2)
        assert (255 * np.maximum(rows, 0).sum(axis=2)).max() <= 32_767
        assert (255 * np.minimum(rows, 0).sum(axis=2)).min() >= -32_768
