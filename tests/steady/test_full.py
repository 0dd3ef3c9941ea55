"""Mode full: parts of pixels, noise, things that move, and no ghosts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pix2style.images import Image8
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.steady import SteadyMode, SteadyStylizer
from pix2style.steady.block_motion import BLOCK, find_block_motion, move_blocks
from pix2style.steady.resample import shift_image
from pix2style.stylizer import Stylizer, StylizerIdentity

Scene = Callable[..., Image8]


def _stylize(lite: OnnxStylizer, mode: SteadyMode, frames: list[Image8]) -> list[np.ndarray]:
    steady = SteadyStylizer(lite, mode)
    return [steady.stylize(frame, steady.follow(frame)).astype(np.float64) for frame in frames]


class _WithoutGrid(Stylizer):
    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("negative", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [255 - image for image in images]


def _rms(difference: np.ndarray) -> float:
    return float(np.sqrt(np.square(difference).mean()))


def test_pans_of_whole_pixels_stay_exact(lite: OnnxStylizer, view: Callable[..., Image8]) -> None:
    before, after = _stylize(lite, SteadyMode.FULL, [view(0, 0), view(1, 2)])
    assert np.array_equal(before[30:-31, 30:-32], after[31:-30, 32:-30])


def test_pans_of_parts_of_a_pixel_keep_strokes(lite: OnnxStylizer, scene: Scene) -> None:
    photo = scene(8)
    frames = [
        np.clip(np.rint(shift_image(photo, (0, 0.25 * i))), 0, 255).astype(np.uint8)[60:200, 60:240] for i in range(4)
    ]
    errors = {}
    for mode in (SteadyMode.LOCK, SteadyMode.FULL):
        before, after = _stylize(lite, mode, frames)[-2:]
        errors[mode] = _rms((after - shift_image(before, (0, 0.25)))[32:-32, 32:-32])
    assert errors[SteadyMode.FULL] < 0.6 * errors[SteadyMode.LOCK]


def test_noise_is_suppressed(lite: OnnxStylizer, scene: Scene) -> None:
    noise, photo = np.random.default_rng(1), scene(3)[40:140, 40:180]
    frames = [np.clip(np.rint(photo + noise.normal(0, 2, photo.shape)), 0, 255).astype(np.uint8) for _ in range(5)]
    change = {}
    for mode in (SteadyMode.OFF, SteadyMode.FULL):
        before, after = _stylize(lite, mode, frames)[-2:]
        change[mode] = _rms(after - before)
    assert change[SteadyMode.FULL] < 0.4 * change[SteadyMode.OFF]


def test_frames_may_be_changed_by_who_gets_them(scene: Scene) -> None:
    """Also those of a stylizer without a grid, whose frames need no padding."""
    frame = np.ascontiguousarray(scene(3)[40:140, 40:180])
    results = []
    for draws in (False, True):
        steady = SteadyStylizer(_WithoutGrid(), SteadyMode.FULL)
        for _ in range(3):
            stylized = steady.stylize(frame, steady.follow(frame))
            last = stylized.copy()
            if draws:
                stylized[:20, :20] = 0
        results.append(last)
    assert np.array_equal(*results)


def test_things_leave_no_ghosts(lite: OnnxStylizer, scene: Scene) -> None:
    background, thing = scene(0)[100:260, 100:300], scene(9)[100:140, 100:140]
    frames = []
    for i in range(6):
        frame = background.copy()
        frame[60:100, 20 + 20 * i : 60 + 20 * i] = thing
        frames.append(frame)
    before, locked = _stylize(lite, SteadyMode.LOCK, frames)[-2:]
    full = _stylize(lite, SteadyMode.FULL, frames)[-1]
    left = np.s_[60:100, 100:116]  # the thing was there in the frame before
    thing_was = np.abs(before - locked)[left].mean()
    assert thing_was > 20
    assert np.abs(full - locked)[left].mean() < 0.2 * thing_was


def test_blocks_are_found_where_they_moved(scene: Scene) -> None:
    background, thing = scene(0)[100:260, 100:300], scene(9)[100:172, 100:172]
    before, now = background.copy(), background.copy()
    before[40:112, 40:112] = thing
    now[43:115, 47:119] = thing
    motion = find_block_motion(before, now, 1)
    inside = (motion.blocks * BLOCK >= (56, 60)).all(axis=1) & (motion.blocks * BLOCK < (96, 100)).all(axis=1)
    assert np.abs(motion.vectors[inside] - (3, 7)).max() < 0.2
    moved = move_blocks(before, motion)[64:96, 64:96].astype(np.float64)
    assert np.abs(moved - now[64:96, 64:96]).mean() < 2


def test_nothing_moves_in_equal_images(scene: Scene) -> None:
    motion = find_block_motion(scene(0), scene(0), 2)
    assert len(motion.blocks) == 0
    assert move_blocks(scene(0), motion) is not None


def test_strength_0_is_the_clip_itself(lite: OnnxStylizer, scene: Scene) -> None:
    """Also behind frames with strokes, of which none stay, and before others, also if the work goes on there."""
    filter_ = lite.copy_for_clips()
    assert isinstance(filter_, OnnxStylizer)
    noise, photo = np.random.default_rng(1), scene(3)[40:140, 40:180]
    frames = [np.clip(np.rint(photo + noise.normal(0, 3, photo.shape)), 0, 255).astype(np.uint8) for _ in range(6)]
    steady, results = SteadyStylizer(filter_, SteadyMode.FULL), []
    for frame, strength in zip(frames, (1, 1, 0, 0, 1, 1), strict=True):
        filter_.adjust(strength=strength)
        results.append(steady.stylize(frame, steady.follow(frame)))
        if len(results) == 4:
            later = SteadyStylizer(filter_, SteadyMode.FULL)
            later.restore(steady.state())
    assert all(np.array_equal(results[number], frames[number]) for number in (2, 3))
    fresh = SteadyStylizer(filter_, SteadyMode.FULL)
    for frame, strength in zip(frames[:5], (0, 0, 0, 0, 1), strict=True):
        filter_.adjust(strength=strength)
        without_strokes_before = fresh.stylize(frame, fresh.follow(frame))
    assert np.array_equal(results[4], without_strokes_before)
    for frame, result in zip(frames[4:], results[4:], strict=True):
        assert np.array_equal(later.stylize(frame, later.follow(frame)), result)
