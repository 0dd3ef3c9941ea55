"""Adversarial losses and gradient penalties: compared with naive loops and closed forms; signs of gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pix2style import losses

Draw = Callable[..., Tensor]
_KINDS = losses.ADVERSARIAL_KINDS
_UNPAIRED = ("bce", "lsgan", "hinge")  # kinds that do not compare real with fake logits
_GENERATOR: dict[str, Callable[[float], float]] = {
    "bce": lambda fake: -math.log(1 / (1 + math.exp(-fake))),
    "lsgan": lambda fake: (fake - 1) ** 2,
    "hinge": lambda fake: -fake,
}
_REAL: dict[str, Callable[[float], float]] = {
    "bce": lambda real: -math.log(1 / (1 + math.exp(-real))),
    "lsgan": lambda real: (real - 1) ** 2,
    "hinge": lambda real: max(0.0, 1 - real),
}
_FAKE: dict[str, Callable[[float], float]] = {
    "bce": lambda fake: -math.log(1 - 1 / (1 + math.exp(-fake))),
    "lsgan": lambda fake: fake**2,
    "hinge": lambda fake: max(0.0, 1 + fake),
}


@pytest.mark.parametrize("kind", _UNPAIRED)
def test_adversarial_losses_equal_naive_loops(kind: str, noise: Draw) -> None:
    real, fake = 2 * noise(2, 1, 3, 4), 2 * noise(2, 1, 5, 2, seed=1)
    assert float(losses.adversarial_generator(kind, fake)) == pytest.approx(
        np.mean([_GENERATOR[kind](x) for x in fake.flatten().tolist()]), rel=1e-5
    )
    naive = np.mean([_REAL[kind](x) for x in real.flatten().tolist()]) / 2
    naive += np.mean([_FAKE[kind](x) for x in fake.flatten().tolist()]) / 2
    assert float(losses.adversarial_discriminator(kind, real, fake)) == pytest.approx(naive, rel=1e-5)


def test_relativistic_compares_patch_by_patch(noise: Draw) -> None:
    real, fake = 2 * noise(2, 1, 3, 4), 2 * noise(2, 1, 3, 4, seed=1)
    pairs = list(zip(real.flatten().tolist(), fake.flatten().tolist(), strict=True))
    of_generator = np.mean([math.log(1 + math.exp(a - b)) for a, b in pairs])
    of_discriminator = np.mean([math.log(1 + math.exp(b - a)) for a, b in pairs])
    assert float(losses.adversarial_generator("relativistic", fake, real)) == pytest.approx(of_generator, rel=1e-5)
    assert float(losses.adversarial_discriminator("relativistic", real, fake)) == pytest.approx(
        of_discriminator, rel=1e-5
    )
    assert float(losses.adversarial_generator("relativistic", real, real)) == pytest.approx(math.log(2))


def test_relativistic_needs_real_logits() -> None:
    with pytest.raises(ValueError, match="pass real_logits"):
        losses.adversarial_generator("relativistic", torch.zeros(2, 1, 3, 3))
    with pytest.raises(ValueError, match="must have the same shape"):
        losses.adversarial_generator("relativistic", torch.zeros(2, 1, 3, 3), torch.zeros(1, 1, 3, 3))


@pytest.mark.parametrize("kind", _KINDS)
def test_gradients_of_generator_and_discriminator_have_opposite_signs(kind: str) -> None:
    real = torch.zeros(4, requires_grad=True)
    fake = torch.zeros(4, requires_grad=True)
    losses.adversarial_discriminator(kind, real, fake + 0.1).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert (real.grad < 0).all()  # a step of gradient descent raises the logits of targets
    assert (fake.grad > 0).all()  # and lowers those of outputs
    fake.grad = None
    losses.adversarial_generator(kind, fake, real.detach()).backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("kind", _KINDS)
def test_large_logits_and_bfloat16_stay_finite(kind: str) -> None:
    logits = torch.tensor([-200.0, 200.0], dtype=torch.bfloat16)
    for loss in (
        losses.adversarial_generator(kind, logits, -logits),
        losses.adversarial_discriminator(kind, logits, -logits),
    ):
        assert loss.isfinite()
        assert loss.dtype == torch.float32


@pytest.mark.parametrize("kind", _KINDS)
def test_gradients_equal_finite_differences(kind: str, noise: Draw) -> None:
    fake = noise(2, 1, 3, 2, dtype=torch.float64).requires_grad_()
    real = noise(2, 1, 3, 2, seed=1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: losses.adversarial_generator(kind, f, real.detach()), (fake,))
    assert torch.autograd.gradcheck(lambda r, f: losses.adversarial_discriminator(kind, r, f), (real, fake))


def test_bce_is_binary_cross_entropy_with_logits(noise: Draw) -> None:
    real, fake = noise(7), noise(7, seed=1)
    with_logits = torch.nn.functional.binary_cross_entropy_with_logits
    expected = (with_logits(real, torch.ones(7)) + with_logits(fake, torch.zeros(7))) / 2
    torch.testing.assert_close(losses.adversarial_discriminator("bce", real, fake), expected)


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="bce, lsgan, hinge, relativistic, got 'wgan'"):
        losses.adversarial_generator("wgan", torch.zeros(1))
    with pytest.raises(ValueError, match="bce, lsgan, hinge, relativistic, got 'wgan'"):
        losses.adversarial_discriminator("wgan", torch.zeros(1), torch.zeros(1))


def test_squared_gradient_of_a_linear_discriminator_is_its_squared_weight(noise: Draw) -> None:
    weight = noise(3, 4, 5, dtype=torch.float64).requires_grad_()
    images = noise(2, 3, 4, 5, seed=1, dtype=torch.float64).requires_grad_()
    penalty = losses.squared_gradient([(images * weight).sum(dim=(1, 2, 3)).view(2, 1, 1, 1)], images)
    torch.testing.assert_close(penalty, weight.square().sum())
    penalty.backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, 2 * weight.detach())


def test_squared_gradient_is_a_mean_over_images(noise: Draw) -> None:
    images = noise(2, 3, 4, 5, dtype=torch.float64).requires_grad_()
    penalty = losses.squared_gradient([images.square().sum(dim=(1, 2, 3)).view(2, 1, 1, 1)], images)
    naive = np.mean([sum((2 * x) ** 2 for x in image.flatten().tolist()) for image in images])
    assert float(penalty.detach()) == pytest.approx(naive)


def test_squared_gradient_does_not_depend_on_the_size_of_the_crop(noise: Draw) -> None:
    weight = noise(1, 3, 4, 4)
    small, large = noise(2, 3, 4, 4).requires_grad_(), noise(2, 3, 16, 24).requires_grad_()
    patches = [torch.nn.functional.conv2d(images, weight, stride=4) for images in (small, large)]
    single_patch = losses.squared_gradient(patches[:1], small)
    torch.testing.assert_close(single_patch, weight.square().sum())
    torch.testing.assert_close(losses.squared_gradient(patches[1:], large), single_patch)
    both = [patches[1], 2 * patches[1]]
    torch.testing.assert_close(losses.squared_gradient(both, large), (1 + 4) / 2 * single_patch)
    with pytest.raises(ValueError, match="at least one scale"):
        losses.squared_gradient([], large)


def test_gradient_of_the_squared_gradient_equals_finite_differences(noise: Draw) -> None:
    images = noise(1, 2, 3, 3, dtype=torch.float64).requires_grad_()
    weight = noise(1, 2, 2, 2, seed=1, dtype=torch.float64).requires_grad_()

    def penalty(kernel: Tensor) -> Tensor:
        return losses.squared_gradient([torch.tanh(torch.nn.functional.conv2d(images, kernel))], images)

    assert torch.autograd.gradcheck(penalty, (weight,))
