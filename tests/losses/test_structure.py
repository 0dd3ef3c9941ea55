"""MS-SSIM: compared with a naive implementation and closed forms, at all sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

import kornia
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from pix2style import losses
from pix2style.losses.structure import SCALE_WEIGHTS, scale_weights

Draw = Callable[..., Tensor]
Plane = NDArray[np.float64]


def _naive(output: Plane, target: Plane) -> float:
    """Compute 1 - MS-SSIM of two planes in [0, 1], window by window."""
    offset = np.arange(11) - 5
    gaussian = np.exp(-(offset**2) / (2 * 1.5**2))
    window = np.outer(gaussian, gaussian) / gaussian.sum() ** 2
    scales = [s for s in range(5) if min(output.shape) // 2**s >= 11]
    weights = np.array(SCALE_WEIGHTS[: len(scales)]) / sum(SCALE_WEIGHTS[: len(scales)])
    product = 1.0
    for scale, weight in zip(scales, weights, strict=True):
        if scale:
            output, target = (
                p[: p.shape[0] // 2 * 2, : p.shape[1] // 2 * 2].reshape(p.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))
                for p in (output, target)
            )
        result = []
        for y in range(output.shape[0] - 10):
            for x in range(output.shape[1] - 10):
                a, b = output[y : y + 11, x : x + 11], target[y : y + 11, x : x + 11]
                mean_a, mean_b = (window * a).sum(), (window * b).sum()
                var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
                both = (window * (a - mean_a) * (b - mean_b)).sum()
                luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
                contrast = (2 * both + 9e-4) / (var_a + var_b + 9e-4)
                result.append(luminance * contrast if scale == scales[-1] else contrast)
        product *= float(np.mean(result)) ** weight
    return 1 - product


@pytest.mark.parametrize(("height", "width"), [(11, 30), (45, 26), (50, 47)])
def test_ms_ssim_equals_a_loop_over_windows(images: Draw, height: int, width: int) -> None:
    target = images(2, height, width, dtype=torch.float64)
    output = 0.8 * target + 0.2 * images(2, height, width, seed=1, dtype=torch.float64)
    planes = [((p + 1) / 2).reshape(-1, height, width).numpy() for p in (output, target)]
    naive = np.mean([_naive(a, b) for a, b in zip(*planes, strict=True)])
    assert float(losses.ms_ssim(output, target)) == pytest.approx(naive, rel=1e-6)


def test_with_one_scale_it_is_ssim(images: Draw) -> None:
    output, target = images(2, 20, 21), images(2, 20, 21, seed=1)
    output = 0.5 * (output + target)
    ssim = kornia.metrics.ssim((output + 1) / 2, (target + 1) / 2, 11, padding="valid").mean()
    assert float(losses.ms_ssim(output, target)) == pytest.approx(1 - float(ssim), abs=1e-5)


def test_flat_images_differ_in_luminance_only() -> None:
    # Contrast is 1 everywhere, and luminance is compared at the coarsest scale, with the exponent of that scale.
    dark, light = torch.full((1, 3, 176, 176), -0.5), torch.full((1, 3, 176, 176), 0.5)
    luminance = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert float(losses.ms_ssim(dark, light)) == pytest.approx(1 - luminance ** SCALE_WEIGHTS[-1], abs=1e-4)


def test_the_number_of_scales_depends_on_the_size() -> None:
    assert scale_weights(176) == SCALE_WEIGHTS  # as published
    assert len(scale_weights(175)) == 4
    assert len(scale_weights(32)) == 2
    assert len(scale_weights(11)) == 1
    for side in (11, 32, 175):
        assert math.fsum(scale_weights(side)) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 11 px, got 10"):
        losses.ms_ssim(torch.zeros(1, 3, 10, 64), torch.zeros(1, 3, 10, 64))


def test_negative_images_have_a_high_loss_and_finite_gradients(images: Draw) -> None:
    target = images(1, 48, 48)
    output = (-target).requires_grad_()
    loss = losses.ms_ssim(output, target)
    loss.backward()
    assert 0.5 < float(loss.detach()) <= 1
    assert output.grad is not None
    assert output.grad.isfinite().all()


def test_ms_ssim_compiles_without_graph_breaks(images: Draw) -> None:
    compiled = torch.compile(losses.ms_ssim, fullgraph=True, backend="eager")
    output, target = images(1, 48, 48).requires_grad_(), images(1, 48, 48, seed=1)
    result = compiled(output, target)
    result.backward()
    torch.testing.assert_close(result, losses.ms_ssim(output, target))
    assert output.grad is not None
