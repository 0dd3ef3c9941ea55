"""Tests of the optimisers on functions with a known minimum: reported steps, NaN and infinities."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pix2style.errors import PhotoError
from pix2style.losses import total_variation
from pix2style.teachers.gatys.objective import Losses
from pix2style.teachers.gatys.optimize import optimize
from pix2style.teachers.gatys.settings import SHALLOW, GatysSettings

GOAL = torch.linspace(0.1, 0.9, 75).reshape(1, 3, 5, 5)
START = torch.full((1, 3, 5, 5), 0.5)
ADAM = replace(SHALLOW, optimizer="adam", learning_rate=0.05)


def bowl(image: Tensor) -> Losses:
    zero = image.new_zeros(())
    return Losses(zero, 10 * (image - GOAL).square().sum() + (image - GOAL).pow(4).sum(), zero)


@pytest.mark.parametrize("settings", [SHALLOW, ADAM])
def test_the_minimum_is_reached_and_every_step_is_reported(settings: GatysSettings) -> None:
    steps: list[tuple[int, float]] = []
    result = optimize(START, bowl, settings, 120, lambda step, losses, _: steps.append((step, float(losses.total))))
    torch.testing.assert_close(result, GOAL, rtol=0, atol=2e-3)
    assert [step for step, _ in steps] == list(range(1, len(steps) + 1))
    assert steps[-1][1] < 1e-3 < steps[0][1]
    assert torch.equal(START, torch.full_like(START, 0.5))  # the caller's tensor stays
    if settings is ADAM:
        assert len(steps) == 120


def test_lbfgs_stops_if_the_image_no_longer_changes() -> None:
    steps: list[int] = []
    result = optimize(GOAL, bowl, SHALLOW, 50, lambda step, *_: steps.append(step))
    assert torch.equal(result, GOAL)
    assert steps == []


def test_adam_keeps_the_image_in_range() -> None:
    def outside(image: Tensor) -> Losses:
        zero = image.new_zeros(())
        return Losses((image - 3).square().sum(), zero, zero)

    assert torch.equal(optimize(START, outside, ADAM, 60, lambda *_: None), torch.ones_like(START))


def test_lbfgs_returns_to_its_last_good_image_after_nan() -> None:
    calls, totals = [0], []

    def nan_once(image: Tensor) -> Losses:
        calls[0] += 1
        losses = bowl(image)
        return replace(losses, style=losses.style * float("nan")) if calls[0] == 4 else losses

    result = optimize(START, nan_once, SHALLOW, 40, lambda _, losses, __: totals.append(float(losses.total)))
    torch.testing.assert_close(result, GOAL, rtol=0, atol=2e-3)
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize(("settings", "name"), [(SHALLOW, "lbfgs"), (ADAM, "adam")])
def test_lasting_nan_is_an_error_of_this_photo(settings: GatysSettings, name: str) -> None:
    calls = [0]

    def nan_from_the_third_call(image: Tensor) -> Losses:
        calls[0] += 1
        losses = bowl(image)
        return replace(losses, style=losses.style * float("nan")) if calls[0] >= 3 else losses

    with pytest.raises(PhotoError, match=f"{name}.*--style-weight"):
        optimize(START, nan_from_the_third_call, settings, 50, lambda *_: None)


@pytest.mark.parametrize("factor", [float("inf"), float("nan")])
@pytest.mark.parametrize("settings", [SHALLOW, ADAM])
def test_a_start_with_an_infinite_loss_is_an_error_at_once(settings: GatysSettings, factor: float) -> None:
    calls = [0]

    def not_finite(image: Tensor) -> Losses:
        calls[0] += 1
        return replace(bowl(image), style=bowl(image).style * factor)

    with pytest.raises(PhotoError):
        optimize(START, not_finite, settings, 50, lambda *_: None)
    assert calls[0] == 1


@pytest.mark.parametrize("factor", [1e-12, 1e18])
def test_lbfgs_works_at_any_scale_of_the_loss(factor: float) -> None:
    def scaled(image: Tensor) -> Losses:
        return replace(bowl(image), style=bowl(image).style * factor)

    result = optimize(START, scaled, SHALLOW, 60, lambda *_: None)
    torch.testing.assert_close(result, GOAL, rtol=0, atol=2e-3)


def test_divergence_is_detected_before_the_loss_is_infinite() -> None:
    calls = [0]

    def growing(image: Tensor) -> Losses:
        calls[0] += 1
        losses = bowl(image)
        return replace(losses, style=losses.style * 100.0 ** calls[0])

    with pytest.raises(PhotoError):
        optimize(START, growing, replace(ADAM, learning_rate=1e-4), 50, lambda *_: None)
    assert calls[0] < 5


def test_total_variation_is_the_mean_difference_of_neighbours() -> None:
    stripes = torch.zeros(1, 3, 4, 6)
    stripes[..., ::2] = 1.0
    assert total_variation(stripes) == 1.0
    assert total_variation(torch.full((1, 3, 1, 1), 0.3)) == 0
    ramp = torch.arange(5.0).reshape(1, 1, 5, 1).expand(1, 3, 5, 2) / 4
    torch.testing.assert_close(total_variation(ramp), torch.tensor(0.25))
