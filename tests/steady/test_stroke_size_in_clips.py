"""Steadiness of clips whose frames are stylized in another size: strokes hang on the grid of the shrunk frames."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from pix2style.effects.preserve_color import PreserveColor, preserve_color
from pix2style.effects.stroke import StrokeSize
from pix2style.images import Image8
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.steady import SteadyMode, SteadyStylizer
from pix2style.stylizer import Stylizer

View = Callable[..., Image8]
_BORDER_PX = 60


def _run(stylizer: Stylizer, mode: SteadyMode, frames: list[Image8]) -> list[Image8]:
    steady = SteadyStylizer(stylizer, mode)
    return [steady.stylize(frame, steady.follow(frame)) for frame in frames]


def _repainted(frames: list[Image8], right: int) -> list[float]:
    """Return the mean difference in levels between each image and the next one, moved back, without borders."""
    inside = [frame[_BORDER_PX:-_BORDER_PX, _BORDER_PX + i * right :][:, :80] for i, frame in enumerate(frames)]
    return [float(np.abs(a.astype(int) - b.astype(int)).mean()) for a, b in pairwise(inside)]


@pytest.fixture(scope="module")
def pan(view: View) -> list[Image8]:
    """Four frames of 220 x 200 pixels, whose content moves by 4 pixels from one to the next."""
    return [view(0, 4 * i, height=200, width=220) for i in range(4)]


def test_a_pan_by_whole_pixels_of_the_version_keeps_every_stroke(lite: OnnxStylizer, pan: list[Image8]) -> None:
    twice = StrokeSize(lite, stroke=2)
    assert max(_repainted(_run(twice, SteadyMode.LOCK, pan), 4)) == 0


@pytest.mark.parametrize("mode", [SteadyMode.LOCK, SteadyMode.FULL])
def test_a_grid_of_a_fractional_distance_in_the_frame_is_locked_as_well(
    lite: OnnxStylizer, pan: list[Image8], mode: SteadyMode
) -> None:
    effect = StrokeSize(lite, look_px=127)
    assert effect.size_of_version(200, 220) == (115, 127)
    steady, off = (np.mean(_repainted(_run(effect, chosen, pan), 4)) for chosen in (mode, SteadyMode.OFF))
    assert steady < 0.8 * off


def test_off_is_what_the_stylizer_does(lite: OnnxStylizer, pan: list[Image8]) -> None:
    for settings in ({"stroke": 2.0}, {"stroke": 0.8}):
        effect = StrokeSize(lite, **settings)
        assert np.array_equal(_run(effect, SteadyMode.OFF, pan[:1])[0], effect(pan[0]))


def test_effects_around_it_get_the_whole_frame(lite: OnnxStylizer, pan: list[Image8]) -> None:
    effect = StrokeSize(lite, look_px=100)
    plain = _run(effect, SteadyMode.LOCK, pan[:2])
    coloured = _run(PreserveColor(effect), SteadyMode.LOCK, pan[:2])
    expected = [preserve_color(frame, stylized) for frame, stylized in zip(pan, plain, strict=False)]
    assert all(np.array_equal(a, b) for a, b in zip(coloured, expected, strict=True))


def test_a_state_goes_on_exactly(lite: OnnxStylizer, pan: list[Image8]) -> None:
    effect = StrokeSize(lite, look_px=110)
    steady, again = (SteadyStylizer(effect, SteadyMode.FULL) for _ in range(2))
    for frame in pan[:2]:
        steady.stylize(frame, steady.follow(frame))
    again.restore(steady.state())
    for frame in pan[2:]:
        went_on, resumed = (one.stylize(frame, one.follow(frame)) for one in (steady, again))
        assert np.array_equal(went_on, resumed)
