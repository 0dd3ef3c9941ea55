"""Positions of scenes: exact for whole pixels, close for parts, without drift; with noise and moving objects."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pix2style.evaluation.moving_clip import render_moving_clip
from pix2style.images import Image8, resize
from pix2style.steady.area_votes import votes
from pix2style.steady.correlation import global_shifts, spectrum
from pix2style.steady.luminance import reduction, small_luminance
from pix2style.steady.motion import MotionTracker
from pix2style.steady.resample import shift_frame, shift_image

Scene = Callable[..., Image8]


def test_phase_correlation_finds_large_shifts(scene: Scene) -> None:
    photo = scene(3)
    before, after = photo[40:240, 50:300], photo[20:220, 85:335]
    shape = small_luminance(before).shape
    spectra = [spectrum(small_luminance(image)) for image in (before, after)]
    factor = reduction(200, 250)
    shifts = global_shifts(*spectra, (shape[0], shape[1]))
    assert [round(part * factor) for part in shifts[0]] == [20, -35]


def test_phase_correlation_also_finds_what_moves_by_itself(scene: Scene) -> None:
    photo, thing = scene(3), scene(9)[100:200, 100:210]
    frames = [np.ascontiguousarray(photo[40 - 2 * i : 280 - 2 * i, 50 - 3 * i : 350 - 3 * i]) for i in (0, 3)]
    for number, frame in enumerate(frames):
        frame[60:160, 70 + 11 * number : 180 + 11 * number] = thing
    small = [small_luminance(frame) for frame in frames]
    assert reduction(240, 300) == 1
    found = global_shifts(*(spectrum(image) for image in small), (240, 300), most=2)
    assert {(round(down), round(right)) for down, right in found} == {(6, 9), (0, 11)}


def test_most_of_the_frame_votes_for_its_motion(scene: Scene) -> None:
    photo = scene(3).mean(axis=2).astype(np.float32)
    before, now = photo[40:240, 50:300], photo[37:237, 55:305].copy()
    now[50:130, 60:160] = before[50:130, 60:160]
    counts = votes(before, now, [(0, 0), (3, -5), (8, 8), (0, 90)])
    assert counts[1] > 2 * counts[0] > 0
    assert counts[2] < counts[0]
    assert counts[3] == 0  # leaves too little of the frame to compare


def test_plain_frames_vote_for_nothing() -> None:
    plain = np.full((60, 80), 7, np.float32)
    assert not votes(plain, plain, [(0, 0), (1, 2)]).any()
    assert not votes(plain, plain, [(0, 0)]).any()


def test_phase_correlation_of_plain_frames_is_no_motion() -> None:
    plain = spectrum(np.full((20, 30), 7, np.float32))
    assert global_shifts(plain, plain, (20, 30)) == [(0, 0)]


def test_five_hundred_frames_to_and_fro_do_not_drift(scene: Scene) -> None:
    photo, tracker = scene(0), MotionTracker()
    path = [(round(40 * np.sin(0.05 * i)), round(55 * np.sin(0.031 * i))) for i in range(500)]
    for down, right in path:
        motion = tracker.follow(photo[100 - down : 228 - down, 120 - right : 290 - right])
        assert not motion.starts_scene or (down, right) == path[0]
        assert motion.position == (down, right)


def test_noise_moves_nothing(scene: Scene) -> None:
    noise, tracker = np.random.default_rng(0), MotionTracker()
    photo = scene(5)[60:260, 60:300]
    for _ in range(8):
        noisy = np.clip(np.rint(photo + noise.normal(0, 6, photo.shape)), 0, 255).astype(np.uint8)
        assert np.abs(tracker.follow(noisy).position).max() < 0.1


@pytest.mark.parametrize("step", [(0.25, 0.5), (-0.4, 0.1), (1.3, -2.6)])
def test_parts_of_pixels_are_measured(scene: Scene, step: tuple[float, float]) -> None:
    tracker, photo = MotionTracker(), scene(8)
    for i in range(6):
        moved = np.clip(np.rint(shift_image(photo, (i * step[0], i * step[1]))), 0, 255).astype(np.uint8)
        position = tracker.follow(moved[40:240, 40:300]).position
        assert np.abs(np.subtract(position, (i * step[0], i * step[1]))).max() < 0.08


def test_the_background_counts_and_not_an_object(scene: Scene) -> None:
    background, thing, tracker = scene(0), scene(9)[100:200, 100:200], MotionTracker()
    for i in range(8):
        frame = background[100 - i : 300 - i, 100 - 2 * i : 340 - 2 * i].copy()
        frame[60:160, 20 + 7 * i : 120 + 7 * i] = thing  # 21 percent of the frame
        assert tracker.follow(frame).position == (i, 2 * i)


@pytest.mark.parametrize("index", [1, 3, 4, 6, 9, 12, 13, 17, 19])
def test_objects_with_more_texture_than_the_background_are_not_followed(scene: Scene, index: int) -> None:
    clip = render_moving_clip([scene(index + step) for step in range(3)], frames=6)
    tracker = MotionTracker()
    for frame, moved in zip(clip.frames, clip.background, strict=True):
        assert np.abs(np.subtract(tracker.follow(frame).position, moved)).max() < 0.3


def test_a_fade_is_no_motion(scene: Scene) -> None:
    noise, photo, tracker = np.random.default_rng(0), scene(3).astype(np.float32), MotionTracker()
    for i in range(12):
        view = photo[40 - i : 280 - i, 30 + 2 * i : 350 + 2 * i] * ((i + 1) / 12)
        frame = np.clip(np.rint(view + noise.normal(0, 2, view.shape)), 0, 255).astype(np.uint8)
        assert np.abs(np.subtract(tracker.follow(frame).position, (i, -2 * i))).max() < 0.6


def test_a_flash_moves_nothing(scene: Scene) -> None:
    noise, photo, tracker = np.random.default_rng(0), scene(5)[40:280, 30:350].astype(np.float32), MotionTracker()
    for i in range(8):
        bright = photo + (90 if i in (3, 4) else 0) + noise.normal(0, 2, photo.shape)
        motion = tracker.follow(np.clip(np.rint(bright), 0, 255).astype(np.uint8))
        assert np.abs(motion.position).max() < 0.3
        assert motion.starts_scene == (i == 0)


def test_the_slope_of_a_peak_is_no_peak(scene: Scene) -> None:
    noise, photo = np.random.default_rng(0), small_luminance(scene(5)[40:280, 30:350])
    frames = [spectrum(photo + noise.normal(0, 2, photo.shape).astype(np.float32)) for _ in range(2)]
    shifts = global_shifts(*frames, (photo.shape[0], photo.shape[1]))
    assert np.abs(shifts[0]).max() < 0.2
    assert all(np.abs(shift).max() > 3.5 for shift in shifts[1:])


def test_a_flash_is_no_cut(scene: Scene) -> None:
    photo, tracker = scene(2)[50:200, 50:250], MotionTracker()
    bright = np.minimum(photo.astype(np.int64) * 3 // 2 + 30, 255).astype(np.uint8)
    assert [tracker.follow(frame).starts_scene for frame in (photo, bright, photo)] == [True, False, False]


def test_cuts_between_plain_frames() -> None:
    tracker = MotionTracker()
    frames = [np.full((40, 60, 3), level, np.uint8) for level in (10, 12, 200, 202)]
    assert [tracker.follow(frame).starts_scene for frame in frames] == [True, False, True, False]


def test_large_frames_are_reduced(scene: Scene) -> None:
    big = resize(scene(0), 1040, 1960)
    assert (reduction(720, 1280), reduction(1080, 1920), reduction(48, 64)) == (4, 4, 1)
    tracker = MotionTracker()
    for i in range(3):
        position = tracker.follow(big[20 - 3 * i : 1020 - 3 * i, 20 - 5 * i : 1920 - 5 * i]).position
        assert position == (3 * i, 5 * i)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.0, -2.0), (0.3, 0.0), (-0.6, 0.45), (0.02, 0.98)])
def test_the_fast_shift_is_the_exact_one(scene: Scene, shift: tuple[float, float]) -> None:
    photo = scene(1)[:90, :70]
    rounded = tuple(round(64 * part) / 64 for part in shift)
    exact = np.clip(shift_image(photo, (rounded[0], rounded[1]), radius=3), 0, 255)
    assert np.abs(shift_frame(photo, shift) - exact)[3:-3, 3:-3].max() < 0.51
    assert shift_frame(photo, shift).shape == photo.shape


def test_shifts_to_and_fro_keep_detail(scene: Scene) -> None:
    photo = scene(1)[:120, :120]
    again = shift_image(shift_image(photo, (0.37, -0.21)), (-0.37, 0.21))
    assert np.sqrt(np.square(again - photo)[20:-20, 20:-20].mean()) < 1.5
