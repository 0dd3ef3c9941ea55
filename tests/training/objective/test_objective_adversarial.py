"""The adversarial terms of an objective, the discriminator's loss, and when they are active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from objective_parts import compute_losses, make_batch, make_discriminator, seeded_images
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import build_objective
from pix2style.training.objective.step_losses import DiscriminatorLosses


@pytest.mark.parametrize("kind", losses.ADVERSARIAL_KINDS)
@pytest.mark.parametrize("discriminator", ["patch", "multiscale", "pixel"])
def test_adversarial_terms_are_means_over_scales(kind: str, discriminator: str, config: Callable[..., Config]) -> None:
    weighted = config(
        "losses.adversarial.weight=0.5",
        f"losses.adversarial.kind={kind}",
        "losses.feature_matching=3",
        f"model.discriminator.kind={discriminator}",
    )
    network, objective, batch = make_discriminator(weighted), build_objective(weighted), make_batch()
    result = objective.generator_losses(seeded_images(2), batch, network, images_seen=0)
    fake, real = network(batch.content, seeded_images(2)), network(batch.content, batch.target)
    assert len(fake) == (2 if discriminator == "multiscale" else 1)
    by_scale = [losses.adversarial_generator(kind, f[-1], r[-1]) for f, r in zip(fake, real, strict=True)]
    torch.testing.assert_close(result.terms["adversarial"], torch.stack(by_scale).mean())
    torch.testing.assert_close(result.terms["feature_matching"], losses.feature_matching(fake, real))
    torch.testing.assert_close(result.total, 0.5 * result.terms["adversarial"] + 3 * result.terms["feature_matching"])
    d = objective.discriminator_losses(network, seeded_images(2), batch)
    by_scale = [losses.adversarial_discriminator(kind, r[-1], f[-1]) for f, r in zip(fake, real, strict=True)]
    torch.testing.assert_close(d.total, torch.stack(by_scale).mean())
    assert 0 <= float(d.real_share_right) <= 1


def test_shares_of_rightly_classified_patches(config: Callable[..., Config]) -> None:
    class MeanBrightness(nn.Module):
        def forward(self, photo: Tensor, image: Tensor) -> list[list[Tensor]]:
            return [[image.mean(dim=1, keepdim=True)]]

    batch = PairBatch(torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32), None)
    output = torch.ones(1, 3, 32, 32)
    output[..., :8] = -1
    shares = {"hinge": (1.0, 0.25), "lsgan": (1.0, 0.25), "bce": (1.0, 0.25), "relativistic": (0.25, 0.25)}
    for kind, expected in shares.items():
        objective = build_objective(config("losses.adversarial.weight=1", f"losses.adversarial.kind={kind}"))
        d = objective.discriminator_losses(MeanBrightness(), output, batch)
        assert (float(d.real_share_right), float(d.fake_share_right)) == expected


def test_adversarial_terms_start_late_and_ramp_up(config: Callable[..., Config]) -> None:
    weighted = config(
        "losses.l1=1",
        "losses.adversarial={weight: 2, kind: hinge, start_images: 100, ramp_images: 40}",
        "losses.feature_matching=1",
    )
    objective = build_objective(weighted)
    assert [objective.adversarial_active(seen) for seen in (0, 99, 100, 1000)] == [False, False, True, True]
    before = compute_losses(objective, weighted, 99)
    assert "adversarial" not in before.terms
    assert "feature_matching" not in before.terms
    at_start = compute_losses(objective, weighted, 100)
    assert "adversarial" not in at_start.terms  # weight 0: not computed
    assert "feature_matching" in at_start.terms
    for seen, share in ((110, 0.25), (120, 0.5), (140, 1.0), (1000, 1.0)):
        result = compute_losses(objective, weighted, seen)
        expected = result.terms["l1"] + result.terms["feature_matching"] + 2 * share * result.terms["adversarial"]
        torch.testing.assert_close(result.total, expected)


def test_without_a_ramp_the_adversarial_term_starts_at_full_weight(config: Callable[..., Config]) -> None:
    weighted = config("losses.adversarial={weight: 2, start_images: 4}", "losses.l1=1")
    result = compute_losses(build_objective(weighted), weighted, 4)
    torch.testing.assert_close(result.total, 2 * result.terms["adversarial"] + result.terms["l1"])


def test_without_an_adversarial_weight_it_is_never_active(config: Callable[..., Config]) -> None:
    assert not build_objective(config("losses.l1=1")).adversarial_active(10**6)


def _penalised(config: Callable[..., Config], *changes: str) -> tuple[DiscriminatorLosses, nn.Module]:
    weighted = config("losses.adversarial={weight: 1, kind: relativistic, r1: 0.5, r2: 0.25}", *changes)
    network = make_discriminator(weighted)
    return build_objective(weighted).discriminator_losses(network, seeded_images(2), make_batch()), network


@pytest.mark.parametrize("discriminator", ["patch", "multiscale"])
def test_r1_and_r2_are_squared_gradients_at_the_images(discriminator: str, config: Callable[..., Config]) -> None:
    d, network = _penalised(config, f"model.discriminator.kind={discriminator}")
    batch = make_batch()
    expected = []
    for original in (batch.target, seeded_images(2)):
        assert original is not None
        images = original.clone().requires_grad_()
        by_scale = []
        for scale in network(batch.content, images):
            [gradient] = torch.autograd.grad(scale[-1].sum(), images, retain_graph=True)
            by_scale.append(gradient.square().sum() / len(gradient) / scale[-1][0].numel())
        expected.append(torch.stack(by_scale).mean())
    assert d.r1 is not None
    assert d.r2 is not None
    torch.testing.assert_close(d.r1, expected[0])
    torch.testing.assert_close(d.r2, expected[1])
    plain = _penalised(
        config, f"model.discriminator.kind={discriminator}", "losses.adversarial.r1=0", "losses.adversarial.r2=0"
    )
    torch.testing.assert_close(d.total, plain[0].total + 0.5 * d.r1 + 0.25 * d.r2)
    assert plain[0].r1 is None
    assert plain[0].r2 is None


def test_gradient_penalties_have_gradients_for_the_discriminator(config: Callable[..., Config]) -> None:
    for compiled in (False, True):
        weighted = config("losses.adversarial={weight: 1, kind: relativistic, r1: 0.5, r2: 0.5}")
        network = make_discriminator(weighted)
        if compiled:
            network.compile(backend="aot_eager")  # cannot be differentiated twice: its eager forward is used
        d = build_objective(weighted).discriminator_losses(network, seeded_images(2), make_batch())
        assert d.r1 is not None
        gradients = torch.autograd.grad(d.r1, [p for p in network.parameters() if p.ndim == 4])
        assert all(float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_the_discriminator_runs_once_per_image(config: Callable[..., Config]) -> None:
    weighted = config("losses.adversarial={weight: 1, kind: relativistic, r1: 1, r2: 1}", "losses.feature_matching=1")
    network, objective, calls = make_discriminator(weighted), build_objective(weighted), list[int]()
    forward = network.forward

    def counting(photo: Tensor, image: Tensor) -> Any:
        calls.append(1)
        return forward(photo, image)

    network.forward = counting  # type: ignore[method-assign]
    objective.discriminator_losses(network, seeded_images(2), make_batch())
    assert len(calls) == 2
    objective.generator_losses(seeded_images(2), make_batch(), network, images_seen=0)
    assert len(calls) == 4


class _Recorder(nn.Module):
    """A discriminator that records its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[tuple[Tensor, Tensor]] = []

    def forward(self, photo: Tensor, image: Tensor) -> list[list[Tensor]]:
        self.inputs.append((photo.detach(), image.detach()))
        return [[image, image.mean(dim=1, keepdim=True)]]


def test_content_target_and_output_get_the_same_augmentation(config: Callable[..., Config]) -> None:
    weighted = config(
        "losses.adversarial={weight: 1, kind: relativistic}",
        "train.augment.discriminator=[color, translation, cutout]",
    )
    objective, discriminator, same = build_objective(weighted), _Recorder(), seeded_images(0)
    batch = PairBatch(same, same, None)
    output = same.clone().requires_grad_()
    objective.discriminator_losses(discriminator, output.detach(), batch)
    objective.generator_losses(output, batch, discriminator, images_seen=0).total.backward()
    assert len(discriminator.inputs) == 4
    for photo, image in discriminator.inputs:
        assert torch.equal(photo, image)
        assert not torch.equal(photo, same)
    first, second, third, fourth = (photo for photo, _ in discriminator.inputs)
    assert torch.equal(first, second)
    assert torch.equal(third, fourth)
    assert not torch.equal(first, third)  # generator and discriminator draw separately
    assert output.grad is not None
    assert output.grad.abs().sum() > 0


def test_without_augmentation_no_random_numbers_are_drawn(config: Callable[..., Config]) -> None:
    weighted = config("losses.adversarial={weight: 1, kind: relativistic, r1: 1}", "losses.l1=1")
    objective, network, before = build_objective(weighted), make_discriminator(weighted), torch.get_rng_state()
    objective.discriminator_losses(network, seeded_images(2), make_batch())
    objective.generator_losses(seeded_images(2), make_batch(), network, images_seen=0)
    assert torch.equal(torch.get_rng_state(), before)
