"""Optimisers that meet NaN and infinities, and what a step reports. Real tensors, functions whose minimum is known."""

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


def bowl(picture: Tensor) -> Losses:
    zero = picture.new_zeros(())
    return Losses(zero, 10 * (picture - GOAL).square().sum() + (picture - GOAL).pow(4).sum(), zero)


@pytest.mark.parametrize("settings", [SHALLOW, ADAM])
def test_the_minimum_is_found_and_every_step_is_told(settings: GatysSettings) -> None:
    told: list[tuple[int, float]] = []
    found = optimize(START, bowl, settings, 120, lambda step, losses, _: told.append((step, float(losses.total))))
    torch.testing.assert_close(found, GOAL, rtol=0, atol=2e-3)
    assert [step for step, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][1] < 1e-3 < told[0][1]
    assert torch.equal(START, torch.full_like(START, 0.5))  # the caller's tensor stays
    if settings is ADAM:
        assert len(told) == 120


def test_lbfgs_stops_where_nothing_moves() -> None:
    told: list[int] = []
    found = optimize(GOAL, bowl, SHALLOW, 50, lambda step, *_: told.append(step))
    assert torch.equal(found, GOAL)
    assert told == []


def test_adam_stays_in_range() -> None:
    def outside(picture: Tensor) -> Losses:
        zero = picture.new_zeros(())
        return Losses((picture - 3).square().sum(), zero, zero)

    assert torch.equal(optimize(START, outside, ADAM, 60, lambda *_: None), torch.ones_like(START))


def test_lbfgs_goes_back_to_its_last_sound_picture() -> None:
    calls, told = [0], []

    def once_nan(picture: Tensor) -> Losses:
        calls[0] += 1
        losses = bowl(picture)
        return replace(losses, style=losses.style * float("nan")) if calls[0] == 4 else losses

    found = optimize(START, once_nan, SHALLOW, 40, lambda _, losses, __: told.append(float(losses.total)))
    torch.testing.assert_close(found, GOAL, rtol=0, atol=2e-3)
    assert told == sorted(told, reverse=True)


@pytest.mark.parametrize(("settings", "name"), [(SHALLOW, "lbfgs"), (ADAM, "adam")])
def test_what_stays_nan_is_an_error_for_this_photo(settings: GatysSettings, name: str) -> None:
    calls = [0]

    def soon_nan(picture: Tensor) -> Losses:
        calls[0] += 1
        losses = bowl(picture)
        return replace(losses, style=losses.style * float("nan")) if calls[0] >= 3 else losses

    with pytest.raises(PhotoError, match=f"{name}.*--style-weight"):
        optimize(START, soon_nan, settings, 50, lambda *_: None)


@pytest.mark.parametrize("factor", [float("inf"), float("nan")])
@pytest.mark.parametrize("settings", [SHALLOW, ADAM])
def test_a_start_without_a_loss_is_an_error_at_once(settings: GatysSettings, factor: float) -> None:
    calls = [0]

    def hopeless(picture: Tensor) -> Losses:
        calls[0] += 1
        return replace(bowl(picture), style=bowl(picture).style * factor)

    with pytest.raises(PhotoError):
        optimize(START, hopeless, settings, 50, lambda *_: None)
    assert calls[0] == 1


@pytest.mark.parametrize("factor", [1e-12, 1e18])
def test_lbfgs_does_not_mind_the_losses_scale(factor: float) -> None:
    def scaled(picture: Tensor) -> Losses:
        return replace(bowl(picture), style=bowl(picture).style * factor)

    found = optimize(START, scaled, SHALLOW, 60, lambda *_: None)
    torch.testing.assert_close(found, GOAL, rtol=0, atol=2e-3)


def test_an_explosion_is_caught_before_it_is_infinite() -> None:
    calls = [0]

    def growing(picture: Tensor) -> Losses:
        calls[0] += 1
        losses = bowl(picture)
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
