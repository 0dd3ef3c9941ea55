"""Strokes stay on the scene: pans, cuts, states, and frames that are unusual."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from pix2style.images import Image8
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.steady import SteadyMode, SteadyStylizer

View = Callable[..., Image8]


def _run(steady: SteadyStylizer, frames: list[Image8]) -> list[Image8]:
    return [steady.stylize(frame, steady.follow(frame)) for frame in frames]


def _inner_difference(before: Image8, after: Image8, down: int, right: int) -> float:
    """Return the largest difference in levels between an image and the next one, moved back, without borders."""
    border = 30
    height, width = before.shape[:2]
    then = before[border : height - border, border : width - border]
    now = after[border + down : height - border + down, border + right : width - border + right]
    return float(np.abs(then.astype(int) - now.astype(int)).max())


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (2, 3), (-1, -5), (0, 4), (7, -2)])
def test_pans_of_whole_pixels_keep_every_stroke(lite: OnnxStylizer, view: View, step: tuple[int, int]) -> None:
    steady = SteadyStylizer(lite, SteadyMode.LOCK)
    frames = [view(i * step[0], i * step[1], height=200, width=220) for i in range(5)]
    stylized = _run(steady, frames)
    assert all(_inner_difference(a, b, *step) == 0 for a, b in pairwise(stylized))


def test_without_the_lock_the_same_pan_repaints_the_picture(lite: OnnxStylizer, view: View) -> None:
    before, after = _run(SteadyStylizer(lite, SteadyMode.OFF), [view(0, 0), view(0, 1)])
    assert _inner_difference(before, after, 0, 1) > 3


def test_off_is_what_the_stylizer_does(lite: OnnxStylizer, view: View) -> None:
    [stylized] = _run(SteadyStylizer(lite, SteadyMode.OFF), [view(3, 5)])
    assert np.array_equal(stylized, lite.stylize([view(3, 5)])[0])


def test_a_cut_begins_another_scene(lite: OnnxStylizer, view: View) -> None:
    steady = SteadyStylizer(lite, SteadyMode.LOCK)
    frames = [view(0, i) for i in range(3)] + [view(0, i, index=9) for i in range(3)]
    plans = [steady.follow(frame) for frame in frames]
    assert [plan.scene for plan in plans] == [0, 0, 0, 1, 1, 1]
    assert [plan.starts_scene for plan in plans] == [True, False, False, True, False, False]
    assert plans[3].offset_px == (0, 0)
    assert [plan.locked_px for plan in plans[3:]] == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize("mode", list(SteadyMode))
def test_a_state_goes_on_exactly(lite: OnnxStylizer, view: View, mode: SteadyMode) -> None:
    frames = [view(i // 2, i) for i in range(4)] + [view(i, 2 * i, index=9) for i in range(5)]
    steady = SteadyStylizer(lite, mode)
    first = _run(steady, frames[:6])
    for frame in frames[6:]:
        steady.follow(frame)  # `follow` may run ahead: what was not stylized does not count
    state = {name: array.copy() for name, array in steady.state().items()}
    again = SteadyStylizer(lite, mode)
    again.restore(state)
    rest = _run(again, frames[6:])
    expected = _run(SteadyStylizer(lite, mode), frames)
    assert all(np.array_equal(a, b) for a, b in zip(first + rest, expected, strict=True))


def test_a_state_without_frames_is_a_beginning(lite: OnnxStylizer, view: View) -> None:
    steady = SteadyStylizer(lite, SteadyMode.LOCK)
    steady.restore(steady.state())
    assert steady.follow(view(0, 0)).starts_scene


@pytest.mark.parametrize("mode", list(SteadyMode))
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (5, 1), (17, 9), (40, 64)])
def test_small_and_plain_and_noisy_frames(lite: OnnxStylizer, size: tuple[int, int], mode: SteadyMode) -> None:
    noise = np.random.default_rng(0)
    steady = SteadyStylizer(lite, mode)
    plain = [np.full((*size, 3), level, np.uint8) for level in (0, 0, 255, 128)]
    noisy = [noise.integers(0, 256, (*size, 3), np.uint8) for _ in range(3)]
    for frame, stylized in zip(plain + noisy, _run(steady, plain + noisy), strict=True):
        assert stylized.shape == frame.shape
        assert stylized.dtype == np.uint8


@pytest.mark.parametrize("mode", list(SteadyMode))
def test_another_size_begins_another_scene(lite: OnnxStylizer, view: View, mode: SteadyMode) -> None:
    steady = SteadyStylizer(lite, mode)
    frames = [view(0, 0), view(0, 1), view(0, 1, width=100), view(0, 2, width=100)]
    stylized = _run(steady, frames)
    assert [image.shape for image in stylized] == [frame.shape for frame in frames]
