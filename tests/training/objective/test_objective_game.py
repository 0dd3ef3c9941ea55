"""Generator against discriminator: what is asked, of whom, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from objective_parts import batch_of, computed, judge_of, pictures_of
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import build_objective
from pix2style.training.objective.terms import DiscriminatorLosses


@pytest.mark.parametrize("kind", losses.ADVERSARIAL_KINDS)
@pytest.mark.parametrize("judge", ["patch", "multiscale", "pixel"])
def test_adversarial_parts_are_means_over_scales(kind: str, judge: str, config: Callable[..., Config]) -> None:
    weighed = config(
        "losses.adversarial.weight=0.5",
        f"losses.adversarial.kind={kind}",
        "losses.feature_matching=3",
        f"model.discriminator.kind={judge}",
    )
    network, objective, batch = judge_of(weighed), build_objective(weighed), batch_of()
    found = objective.generator_losses(pictures_of(2), batch, network, images_seen=0)
    fake, real = network(batch.content, pictures_of(2)), network(batch.content, batch.target)
    assert len(fake) == (2 if judge == "multiscale" else 1)
    each = [losses.adversarial_generator(kind, f[-1], r[-1]) for f, r in zip(fake, real, strict=True)]
    assert found.adversarial is not None
    assert found.feature_matching is not None
    torch.testing.assert_close(found.adversarial, torch.stack(each).mean())
    torch.testing.assert_close(found.feature_matching, losses.feature_matching(fake, real))
    torch.testing.assert_close(found.total, 0.5 * found.adversarial + 3 * found.feature_matching)
    d = objective.discriminator_losses(network, pictures_of(2), batch)
    each = [losses.adversarial_discriminator(kind, r[-1], f[-1]) for f, r in zip(fake, real, strict=True)]
    torch.testing.assert_close(d.total, torch.stack(each).mean())
    assert 0 <= float(d.real_share_right) <= 1


def test_shares_right_are_counted(config: Callable[..., Config]) -> None:
    class Sure(nn.Module):
        def forward(self, photo: Tensor, picture: Tensor) -> list[list[Tensor]]:
            return [[picture.mean(dim=1, keepdim=True)]]

    batch = PairBatch(torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32), None)
    output = torch.ones(1, 3, 32, 32)
    output[..., :8] = -1
    shares = {"hinge": (1.0, 0.25), "lsgan": (1.0, 0.25), "bce": (1.0, 0.25), "relativistic": (0.25, 0.25)}
    for kind, expected in shares.items():
        objective = build_objective(config("losses.adversarial.weight=1", f"losses.adversarial.kind={kind}"))
        d = objective.discriminator_losses(Sure(), output, batch)
        assert (float(d.real_share_right), float(d.fake_share_right)) == expected


def test_the_game_begins_and_grows(config: Callable[..., Config]) -> None:
    weighed = config(
        "losses.l1=1",
        "losses.adversarial={weight: 2, kind: hinge, start_images: 100, ramp_images: 40}",
        "losses.feature_matching=1",
    )
    objective = build_objective(weighed)
    assert [objective.adversarial_active(seen) for seen in (0, 99, 100, 1000)] == [False, False, True, True]
    before = computed(objective, weighed, 99)
    assert before.adversarial is None
    assert before.feature_matching is None
    at_start = computed(objective, weighed, 100)
    assert at_start.adversarial is None  # weight 0: not computed
    assert at_start.feature_matching is not None
    for seen, share in ((110, 0.25), (120, 0.5), (140, 1.0), (1000, 1.0)):
        found = computed(objective, weighed, seen)
        assert found.adversarial is not None
        assert found.feature_matching is not None
        assert found.l1 is not None
        expected = found.l1 + found.feature_matching + 2 * share * found.adversarial
        torch.testing.assert_close(found.total, expected)


def test_without_a_ramp_the_game_begins_at_full_weight(config: Callable[..., Config]) -> None:
    weighed = config("losses.adversarial={weight: 2, start_images: 4}")
    found = computed(build_objective(weighed), weighed, 4)
    assert found.adversarial is not None
    torch.testing.assert_close(found.total, 2 * found.adversarial)


def test_without_an_adversary_nobody_plays(config: Callable[..., Config]) -> None:
    assert not build_objective(config("losses.l1=1")).adversarial_active(10**6)


def _penalised(config: Callable[..., Config], *changes: str) -> tuple[DiscriminatorLosses, nn.Module]:
    weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 0.5, r2: 0.25}", *changes)
    network = judge_of(weighed)
    return build_objective(weighed).discriminator_losses(network, pictures_of(2), batch_of()), network


@pytest.mark.parametrize("judge", ["patch", "multiscale"])
def test_r1_and_r2_are_squared_gradients_at_the_pictures(judge: str, config: Callable[..., Config]) -> None:
    d, network = _penalised(config, f"model.discriminator.kind={judge}")
    batch = batch_of()
    expected = []
    for given in (batch.target, pictures_of(2)):
        assert given is not None
        picture = given.clone().requires_grad_()
        parts = []
        for scale in network(batch.content, picture):
            [gradient] = torch.autograd.grad(scale[-1].sum(), picture, retain_graph=True)
            parts.append(gradient.square().sum() / len(gradient) / scale[-1][0].numel())
        expected.append(torch.stack(parts).mean())
    assert d.r1 is not None
    assert d.r2 is not None
    torch.testing.assert_close(d.r1, expected[0])
    torch.testing.assert_close(d.r2, expected[1])
    plain = _penalised(
        config, f"model.discriminator.kind={judge}", "losses.adversarial.r1=0", "losses.adversarial.r2=0"
    )
    torch.testing.assert_close(d.total, plain[0].total + 0.5 * d.r1 + 0.25 * d.r2)
    assert plain[0].r1 is None
    assert plain[0].r2 is None


def test_penalties_teach_the_discriminator(config: Callable[..., Config]) -> None:
    for compiled in (False, True):
        weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 0.5, r2: 0.5}")
        network = judge_of(weighed)
        if compiled:
            network.compile(backend="aot_eager")  # has no double backward: its eager forward is taken
        d = build_objective(weighed).discriminator_losses(network, pictures_of(2), batch_of())
        assert d.r1 is not None
        gradients = torch.autograd.grad(d.r1, [p for p in network.parameters() if p.ndim == 4])
        assert all(float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_discriminator_sees_each_picture_once(config: Callable[..., Config]) -> None:
    weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 1, r2: 1}", "losses.feature_matching=1")
    network, objective, seen = judge_of(weighed), build_objective(weighed), list[int]()
    forward = network.forward

    def counting(photo: Tensor, picture: Tensor) -> Any:
        seen.append(1)
        return forward(photo, picture)

    network.forward = counting  # type: ignore[method-assign]
    objective.discriminator_losses(network, pictures_of(2), batch_of())
    assert len(seen) == 2
    objective.generator_losses(pictures_of(2), batch_of(), network, images_seen=0)
    assert len(seen) == 4


class _Recorder(nn.Module):
    """A judge that remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, photo: Tensor, picture: Tensor) -> list[list[Tensor]]:
        self.seen.append((photo.detach(), picture.detach()))
        return [[picture, picture.mean(dim=1, keepdim=True)]]


def test_photo_and_both_pictures_are_varied_alike(config: Callable[..., Config]) -> None:
    weighed = config(
        "losses.adversarial={weight: 1, kind: relativistic}",
        "train.augment.discriminator=[color, translation, cutout]",
    )
    objective, judge, same = build_objective(weighed), _Recorder(), pictures_of(0)
    batch = PairBatch(same, same, None)
    output = same.clone().requires_grad_()
    objective.discriminator_losses(judge, output.detach(), batch)
    objective.generator_losses(output, batch, judge, images_seen=0).total.backward()
    assert len(judge.seen) == 4
    for photo, picture in judge.seen:
        assert torch.equal(photo, picture)
        assert not torch.equal(photo, same)
    first, second, third, fourth = (photo for photo, _ in judge.seen)
    assert torch.equal(first, second)
    assert torch.equal(third, fourth)
    assert not torch.equal(first, third)  # each step draws anew
    assert output.grad is not None
    assert output.grad.abs().sum() > 0


def test_without_variation_nothing_is_drawn(config: Callable[..., Config]) -> None:
    weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 1}", "losses.l1=1")
    objective, network, before = build_objective(weighed), judge_of(weighed), torch.get_rng_state()
    objective.discriminator_losses(network, pictures_of(2), batch_of())
    objective.generator_losses(pictures_of(2), batch_of(), network, images_seen=0)
    assert torch.equal(torch.get_rng_state(), before)
