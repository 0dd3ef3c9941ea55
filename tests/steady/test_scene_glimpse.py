"""The glimpse of a scene is held, and follows slowly where the scene changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


def test_another_brightness_is_followed_without_a_jump(scene: Callable[..., Image8]) -> None:
    bright = scene(0).astype(np.float32)
    current, replaced, steps, lags = glimpse(scene(0) // 2), ALL_PATCHES, [], []
    for share in [*np.linspace(0.5, 1, 48), *[1.0] * 72]:
        frame, before = (bright * share).astype(np.uint8), current.mean()
        current, replaced = next_glimpse(current, frame, replaced)
        steps.append(abs(float(current.mean()) - before))
        lags.append(abs(float(current.mean()) - float(glimpse(frame).mean())))
    assert max(steps) < 4
    assert max(lags) < 16
    assert max(lags[24:]) < 4
    assert np.abs(current.astype(int) - glimpse(scene(0))).mean() < 4


def test_the_first_light_after_black_frames_is_taken_at_once(scene: Callable[..., Image8]) -> None:
    black, dim = np.zeros_like(scene(0)), scene(0) // 4
    current, replaced = next_glimpse(glimpse(black), dim, ALL_PATCHES)
    assert np.array_equal(current, glimpse(dim))
    assert replaced == ALL_PATCHES


def test_a_flash_changes_the_exposure_but_not_what_the_glimpse_shows(scene: Callable[..., Image8]) -> None:
    held, replaced = glimpse(scene(0)), ALL_PATCHES
    flash = np.clip(scene(1).astype(int) // 4 + 190, 0, 255).astype(np.uint8)
    during, replaced = next_glimpse(held, flash, replaced)
    assert abs(float(during.mean()) - float(glimpse(flash).mean())) < 16
    after, replaced = next_glimpse(during, scene(0), replaced)
    differing = (np.abs(after.astype(int) - held) > 24).reshape(24, 4, 24, 4, 3).any(axis=(1, 3, 4)).sum()
    assert differing <= 40  # of 576 patches, of which 16 were replaced


def test_a_clip_that_fades_in_looks_as_its_frames_alone(
    scene: Callable[..., Image8], lite_file: Callable[..., Path]
) -> None:
    """A normalised generator divides by the glimpse's contrast, so a glimpse of a dark frame would be glaring later."""
    stylizer = OnnxStylizer(lite_file(norm="instance"), threads=1)
    steady, photo = SteadyStylizer(stylizer, SteadyMode.LOCK), scene(0)[:96, :128].astype(np.float32)
    held = glimpse((photo / 24).astype(np.uint8))
    for number in range(1, 25):
        frame = (photo * number / 24).astype(np.uint8)
        context = steady.follow(frame).glimpse
        assert context is not None
        alone = stylizer(frame).astype(int)
        distance = np.abs(stylizer.stylize_with_glimpse(frame, context) - alone).mean()
        if number >= 12:
            assert distance < 0.2 * np.abs(stylizer.stylize_with_glimpse(frame, held) - alone).mean()


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
