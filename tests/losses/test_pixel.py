"""Pixel losses: compared with naive loops and closed forms; shapes, gradients and precision."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pix2style import losses

Draw = Callable[..., Tensor]
_PAIRED_LOSSES = [losses.l1, losses.mse, losses.charbonnier, losses.ms_ssim, losses.color]


def test_l1_is_the_mean_absolute_difference(noise: Draw) -> None:
    output, target = noise(2, 3, 4, 5), noise(2, 3, 4, 5, seed=1)
    naive = np.mean([abs(a - b) for a, b in zip(output.flatten().tolist(), target.flatten().tolist(), strict=True)])
    assert float(losses.l1(output, target)) == pytest.approx(naive, rel=1e-6)


def test_mse_is_the_mean_square(noise: Draw) -> None:
    output, target = noise(2, 3, 4, 5), noise(2, 3, 4, 5, seed=1)
    assert float(losses.mse(output, target)) == pytest.approx(
        np.square(output.numpy() - target.numpy()).mean(), rel=1e-6
    )
    assert float(losses.mse(output, output)) == 0


def test_charbonnier_is_a_smooth_l1(noise: Draw) -> None:
    output, target = noise(2, 3, 4, 5), noise(2, 3, 4, 5, seed=1)
    pairs = zip(output.flatten().tolist(), target.flatten().tolist(), strict=True)
    naive = np.mean([math.sqrt((a - b) ** 2 + 1e-6) for a, b in pairs])
    assert float(losses.charbonnier(output, target)) == pytest.approx(naive, rel=1e-6)
    assert float(losses.charbonnier(output, output)) == pytest.approx(1e-3)
    far = torch.full((4,), 3.0)
    assert float(losses.charbonnier(far, -far)) == pytest.approx(6, rel=1e-6)


def test_the_gradient_of_charbonnier_is_0_for_equal_tensors() -> None:
    output = torch.zeros(3, requires_grad=True)
    losses.charbonnier(output, torch.zeros(3)).backward()
    assert output.grad is not None
    assert torch.equal(output.grad, torch.zeros(3))


def test_total_variation_equals_a_loop(noise: Draw) -> None:
    image = noise(2, 3, 4, 5)
    vertical = [
        abs(float(image[b, c, y + 1, x] - image[b, c, y, x]))
        for b in range(2)
        for c in range(3)
        for y in range(3)
        for x in range(5)
    ]
    horizontal = [
        abs(float(image[b, c, y, x + 1] - image[b, c, y, x]))
        for b in range(2)
        for c in range(3)
        for y in range(4)
        for x in range(4)
    ]
    assert float(losses.total_variation(image)) == pytest.approx(np.mean(vertical) + np.mean(horizontal), rel=1e-5)
    assert float(losses.total_variation(torch.full((1, 3, 4, 4), 0.3))) == 0
    assert float(losses.total_variation(torch.full((1, 3, 1, 1), 0.3))) == 0


@pytest.mark.parametrize("loss", _PAIRED_LOSSES)
def test_shapes_must_be_the_same(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    with pytest.raises(ValueError, match=r"output \[2, 3, 16, 16\] and target \[1, 3, 16, 16\]"):
        loss(torch.zeros(2, 3, 16, 16), torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize("loss", [losses.l1, losses.ms_ssim, losses.color])
def test_equal_images_have_loss_0(loss: Callable[[Tensor, Tensor], Tensor], images: Draw) -> None:
    image = images(2, 48, 40)
    assert float(loss(image, image.clone())) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", _PAIRED_LOSSES)
def test_gradients_equal_finite_differences(loss: Callable[[Tensor, Tensor], Tensor], images: Draw) -> None:
    output = images(1, 24, 12, dtype=torch.float64).requires_grad_()
    target = images(1, 24, 12, seed=1, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), output, fast_mode=True)


def test_gradient_of_total_variation(images: Draw) -> None:
    assert torch.autograd.gradcheck(losses.total_variation, images(1, 6, 5, dtype=torch.float64).requires_grad_())


@pytest.mark.parametrize("loss", _PAIRED_LOSSES)
def test_sums_are_taken_in_float32(loss: Callable[[Tensor, Tensor], Tensor], images: Draw) -> None:
    output, target = images(1, 64, 64).bfloat16(), images(1, 64, 64, seed=1).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = loss(output, target)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, loss(output.float(), target.float()))


@pytest.mark.parametrize("loss", _PAIRED_LOSSES)
def test_a_gradient_step_lowers_the_loss(loss: Callable[[Tensor, Tensor], Tensor], images: Draw) -> None:
    output, target = images(1, 32, 32).requires_grad_(), images(1, 32, 32, seed=1)
    before = loss(output, target)
    before.backward()
    assert output.grad is not None
    step = 1e-2 * output.grad / output.grad.norm()
    assert loss(output.detach() - step, target) < before.detach()
