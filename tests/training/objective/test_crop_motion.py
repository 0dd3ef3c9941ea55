"""Random motions of crops: exact on smooth pictures, and drawn by seed and position alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pix2style.config.consistency import ConsistencyConfig
from pix2style.training.batch import PairBatch
from pix2style.training.objective.motion import Motion


def _config(**changes: Any) -> ConsistencyConfig:
    return ConsistencyConfig(**{"weight": 1, "noise": 0, **changes})


def _waves(period_px: float, down_px: float = 0.0, right_px: float = 0.0, side: int = 96) -> Tensor:
    y, x = torch.meshgrid(torch.arange(float(side)) - down_px, torch.arange(float(side)) - right_px, indexing="ij")
    turn = 2 * math.pi / period_px
    return torch.stack([torch.sin(turn * y), torch.sin(turn * x), torch.cos(turn * (x + y) / math.sqrt(2))])[None] / 2


def _moved_by(config: ConsistencyConfig, position: int) -> tuple[float, float]:
    """Measure the motion of a ramp, down and to the right."""
    ramp = torch.arange(96.0)
    batch = PairBatch(
        torch.stack([ramp[:, None].expand(96, 96), ramp.expand(96, 96)])[None], None, None, None, position
    )
    moved = Motion(config, 0, batch).move(batch.content)
    down, right = (batch.content - moved)[0, :, 48, 48].tolist()
    return down, right


@pytest.mark.parametrize("period_px", [4.0, 6.5, 20.0])
@pytest.mark.parametrize("position", [0, 7])
def test_a_shift_by_parts_of_a_pixel_is_exact_on_a_band_limited_picture(period_px: float, position: int) -> None:
    config = _config(shift_px=1.5)
    shift = _moved_by(config, position)
    batch = PairBatch(_waves(period_px), None, None, None, position)
    motion = Motion(config, 0, batch)
    inside = (..., slice(motion.margin_px, -motion.margin_px), slice(motion.margin_px, -motion.margin_px))
    error = motion.move(batch.content)[inside] - _waves(period_px, *shift)[inside]
    assert float(error.abs().max()) < 2e-3  # of an amplitude of 0.5


def test_shifts_fill_their_range() -> None:
    shifts = torch.tensor([_moved_by(_config(shift_px=0.5), position) for position in range(60)])
    assert shifts.abs().max() <= 0.5 + 1e-3
    assert (shifts.amax(0) > 0.4).all()
    assert (shifts.amin(0) < -0.4).all()
    assert len({round(float(shift), 3) for shift in shifts.flatten()}) > 100  # rows and columns differ


def test_the_numbers_of_a_crop_follow_from_seed_and_position_alone() -> None:
    content = torch.rand(4, 3, 64, 64) * 2 - 1
    config = _config(noise=3, flow_px=1.0)
    batch = PairBatch(content, None, None, None, 100)
    whole = Motion(config, 5, batch).film(batch)
    for first in range(0, 4, 2):  # as two processes, or two micro-batches, would draw them
        part = PairBatch(content[first : first + 2], None, None, None, 100 + first)
        torch.testing.assert_close(Motion(config, 5, part).film(part).content, whole.content[first : first + 2])
    for seed, position in ((6, 100), (5, 101)):
        other = Motion(config, seed, PairBatch(content, None, None, None, position)).film(
            PairBatch(content, None, None)
        )
        assert not torch.equal(other.content, whole.content)


def test_global_random_numbers_are_not_touched() -> None:
    before = torch.get_rng_state()
    batch = PairBatch(torch.zeros(2, 3, 32, 32), None, None)
    Motion(_config(noise=2, flow_px=1), 0, batch).film(batch)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_filmed_photo_has_noise_of_the_given_strength_and_holds_bytes() -> None:
    grey = torch.zeros(2, 3, 64, 64)
    batch = PairBatch(grey, None, None, torch.zeros(2, 3, 96, 96))
    filmed = Motion(_config(shift_px=0, noise=4), 0, batch).film(batch)
    assert filmed.glimpse is not None
    for photos in (filmed.content, filmed.glimpse):
        levels = (photos + 1) * 127.5
        torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)
        assert float(levels.std()) == pytest.approx(4, rel=0.05)
        assert not torch.equal(photos[0], photos[1])


def test_photos_stay_in_range() -> None:
    batch = PairBatch(torch.ones(1, 3, 32, 32), None, None)
    filmed = Motion(_config(noise=20), 0, batch).film(batch).content
    assert filmed.max() <= 1
    assert filmed.min() >= -1


def test_a_flow_is_smooth_and_differs_over_a_photo() -> None:
    side = 300
    ramp = torch.arange(float(side)).expand(side, side)[None, None]
    batch = PairBatch(ramp, None, None)
    flow = (ramp - Motion(_config(shift_px=0, flow_px=2), 3, batch).move(ramp))[0, 0, 8:-8, 8:-8]
    assert 0.3 < float(flow.std()) < 5
    assert float(flow.diff(dim=0).abs().max()) < 0.2  # from a pixel to the next one
    assert float(flow.diff(dim=1).abs().max()) < 0.2


def test_gradients_flow_and_the_layout_is_kept_in_bfloat16() -> None:
    batch = PairBatch(torch.zeros(2, 3, 32, 32).to(memory_format=torch.channels_last), None, None)
    output = torch.rand(2, 3, 32, 32).to(torch.bfloat16, memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        motion = Motion(_config(flow_px=1), 0, batch)
        moved = motion.move(output)
    assert moved.dtype == torch.float32
    assert moved.is_contiguous(memory_format=torch.channels_last)
    assert motion.film(batch).content.is_contiguous(memory_format=torch.channels_last)
    moved.sum().backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None
    assert float(output.grad.float().sum()) == pytest.approx(output.numel(), rel=0.05)
