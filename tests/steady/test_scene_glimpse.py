"""The glimpse of a scene is held, and follows slowly where the scene changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.steady import SteadyMode, SteadyStylizer
from pix2style.steady.scene_glimpse import ALL_PATCHES, next_glimpse


def test_a_pan_holds_the_glimpse(view: Callable[..., Image8]) -> None:
    held = glimpse(view(0, 0))
    following, replaced = next_glimpse(held, view(3, 5), ALL_PATCHES)
    assert following is held
    assert replaced == ALL_PATCHES


def test_another_brightness_is_reached_patch_by_patch(scene: Callable[..., Image8]) -> None:
    dark, bright = scene(0) // 2, scene(0)
    current, replaced, steps = glimpse(dark), ALL_PATCHES, []
    while replaced < ALL_PATCHES or not steps:
        before = current.mean()
        current, replaced = next_glimpse(current, bright, replaced)
        steps.append(abs(float(current.mean()) - before))
    assert np.array_equal(current, glimpse(bright))
    assert len(steps) == 72
    assert max(steps) < 3


def test_states_hold_a_glimpse_that_is_changing(lite: OnnxStylizer, scene: Callable[..., Image8]) -> None:
    photo = scene(0)[:100, :120]
    frames = [photo, *[np.minimum(photo.astype(int) + 3 * i, 255).astype(np.uint8) for i in range(3, 16)]]
    steady, again = (SteadyStylizer(lite, SteadyMode.LOCK) for _ in range(2))
    plans = []
    for frame in frames:
        plans.append(steady.follow(frame))
        steady.stylize(frame, plans[-1])
        if len(plans) == 10:
            again.restore(steady.state())
    assert 0 < plans[-1].replaced_patches < ALL_PATCHES
    rest = [again.follow(frame) for frame in frames[10:]]
    assert [plan.replaced_patches for plan in rest] == [plan.replaced_patches for plan in plans[10:]]
    pairs = [(one.glimpse, other.glimpse) for one, other in zip(rest, plans[10:], strict=True)]
    assert all(one is not None and other is not None and np.array_equal(one, other) for one, other in pairs)
