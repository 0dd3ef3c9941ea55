"""Losses against naive loops, and the direction in which they push."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pix2style import losses

_KINDS = losses.ADVERSARIAL_KINDS


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_l1_is_the_mean_absolute_difference() -> None:
    output, target = _random(2, 3, 4, 5), _random(2, 3, 4, 5, seed=1)
    naive = np.mean([abs(a - b) for a, b in zip(output.flatten().tolist(), target.flatten().tolist(), strict=True)])
    assert float(losses.l1(output, target)) == pytest.approx(naive, rel=1e-6)


def test_l1_refuses_to_broadcast() -> None:
    with pytest.raises(ValueError, match=r"output \[2, 3, 4, 4\] and target \[1, 3, 4, 4\]"):
        losses.l1(torch.zeros(2, 3, 4, 4), torch.zeros(1, 3, 4, 4))


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


@pytest.mark.parametrize("kind", _KINDS)
def test_adversarial_losses_equal_naive_loops(kind: str) -> None:
    real, fake = 2 * _random(2, 1, 3, 4), 2 * _random(2, 1, 5, 2, seed=1)
    assert float(losses.adversarial_generator(kind, fake)) == pytest.approx(
        np.mean([_GENERATOR[kind](x) for x in fake.flatten().tolist()]), rel=1e-5
    )
    naive = np.mean([_REAL[kind](x) for x in real.flatten().tolist()]) / 2
    naive += np.mean([_FAKE[kind](x) for x in fake.flatten().tolist()]) / 2
    assert float(losses.adversarial_discriminator(kind, real, fake)) == pytest.approx(naive, rel=1e-5)


@pytest.mark.parametrize("kind", _KINDS)
def test_generator_and_discriminator_pull_in_opposite_directions(kind: str) -> None:
    real = torch.zeros(4, requires_grad=True)
    fake = torch.zeros(4, requires_grad=True)
    losses.adversarial_discriminator(kind, real, fake + 0.1).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert (real.grad < 0).all()  # a step against the gradient raises logits of the teacher's pictures
    assert (fake.grad > 0).all()  # and lowers those of generated ones
    fake.grad = None
    losses.adversarial_generator(kind, fake).backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("kind", _KINDS)
def test_large_logits_and_bfloat16_stay_finite(kind: str) -> None:
    logits = torch.tensor([-200.0, 200.0], dtype=torch.bfloat16)
    for loss in (losses.adversarial_generator(kind, logits), losses.adversarial_discriminator(kind, logits, -logits)):
        assert loss.isfinite()
        assert loss.dtype == torch.float32


def test_bce_is_binary_cross_entropy_with_logits() -> None:
    real, fake = _random(7), _random(7, seed=1)
    with_logits = torch.nn.functional.binary_cross_entropy_with_logits
    expected = (with_logits(real, torch.ones(7)) + with_logits(fake, torch.zeros(7))) / 2
    torch.testing.assert_close(losses.adversarial_discriminator("bce", real, fake), expected)


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="bce, lsgan, hinge, got 'wgan'"):
        losses.adversarial_generator("wgan", torch.zeros(1))
    with pytest.raises(ValueError, match="bce, lsgan, hinge, got 'wgan'"):
        losses.adversarial_discriminator("wgan", torch.zeros(1), torch.zeros(1))


def _features(seed: int, height: int = 4, width: int = 5) -> dict[str, Tensor]:
    return {"shallow": _random(2, 3, height, width, seed=seed), "deep": _random(2, 6, height, width, seed=seed + 9)}


def test_perceptual_is_the_weighted_sum_of_mean_absolute_differences() -> None:
    output, target = _features(0), _features(1)
    naive = sum(
        weight * np.abs(output[name].numpy() - target[name].numpy()).mean()
        for name, weight in {"shallow": 0.25, "deep": 2.0}.items()
    )
    assert float(losses.perceptual(output, target, {"shallow": 0.25, "deep": 2.0})) == pytest.approx(naive, rel=1e-5)
    assert float(losses.perceptual(output, output, {"shallow": 1.0})) == 0


def test_gram_equals_a_loop() -> None:
    features = _random(2, 3, 4, 5)
    found = losses.gram(features)
    for picture in range(2):
        for i in range(3):
            for j in range(3):
                naive = sum(
                    float(features[picture, i, y, x] * features[picture, j, y, x]) for y in range(4) for x in range(5)
                )
                assert float(found[picture, i, j]) == pytest.approx(naive / (3 * 4 * 5), abs=1e-6)


def test_gram_does_not_depend_on_the_size_of_the_picture() -> None:
    features = _random(1, 3, 4, 5)
    torch.testing.assert_close(losses.gram(features.repeat(1, 1, 3, 2)), losses.gram(features))


def test_gram_is_computed_in_float32() -> None:
    # FIELD, complaint 18: sums overflow float16.
    features = torch.full((1, 2, 64, 64), 100.0)
    expected = torch.full((1, 2, 2), 100.0**2 / 2)
    assert torch.equal(losses.gram(features.half()), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = losses.gram(features + 1)
    torch.testing.assert_close(found, torch.full((1, 2, 2), 101.0**2 / 2))


def test_gram_distance_is_the_squared_frobenius_norm() -> None:
    output, style = _features(0), _features(1, 7, 3)
    naive = 0.0
    for name, weight in {"shallow": 0.5, "deep": 3.0}.items():
        difference = losses.gram(output[name]).numpy() - losses.gram(style[name]).numpy()
        naive += weight * np.mean([np.linalg.norm(one) ** 2 for one in difference])
    assert float(losses.gram_distance(output, style, {"shallow": 0.5, "deep": 3.0})) == pytest.approx(naive, rel=1e-4)
    one_style = {name: features[:1] for name, features in style.items()}
    assert losses.gram_distance(output, one_style, {"deep": 1.0}) > 0
    assert float(losses.gram_distance(output, output, {"deep": 1.0})) == 0


@pytest.mark.parametrize("distance", [losses.perceptual, losses.gram_distance])
def test_layers_must_have_been_computed(distance: Callable[..., Tensor]) -> None:
    with pytest.raises(ValueError, match="relu9_9 was not computed; computed were shallow, deep"):
        distance(_features(0), _features(1), {"relu9_9": 1.0})
    with pytest.raises(ValueError, match="at least one layer"):
        distance(_features(0), _features(1), {})


@pytest.mark.parametrize("distance", [losses.perceptual, losses.gram_distance])
def test_following_the_gradient_comes_closer(distance: Callable[..., Tensor]) -> None:
    output = _random(1, 3, 6, 6).requires_grad_()
    target = {"layer": _random(1, 3, 6, 6, seed=3)}
    before = distance({"layer": output}, target, {"layer": 1.0})
    before.backward()
    assert output.grad is not None
    step = 1e-2 * output.grad / output.grad.norm()
    assert distance({"layer": output.detach() - step}, target, {"layer": 1.0}) < before.detach()
