"""Follow the position of a scene from frame to frame, and notice when another scene begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.steady.correlation import Spectrum, global_shift, spectrum
from pix2style.steady.luminance import Floats, small_luminance
from pix2style.steady.template import Template

# A key frame is replaced when fewer of its patches than this share are still inside the frame, or agree.
_MIN_INSIDE, _MIN_AGREEMENT = 0.6, 0.5
# Alignments in which fewer patches agree tell nothing.
_LOST_AGREEMENT = 0.25
# Another scene begins where structure and colours both change.
_CUT_CORRELATION, _CUT_COLOURS = 0.5, 0.25
_SAME_LEVELS = 24.0  # two frames without texture are one scene if their means differ by less
_FLAT = 1.0  # standard deviation in levels of a frame without texture
_COLOUR_STEP_PX = 16
_BINS = 4


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a scene lies in a frame.

    Attributes:
        position: How far the content has moved since the scene began, in pixels: down, to the right.
        starts_scene: Whether another scene begins with this frame.
    """

    position: tuple[float, float]
    starts_scene: bool


@dataclass(frozen=True, slots=True)
class _Before:
    """What is kept of the frame before."""

    size: tuple[int, int]
    small: Floats
    spectrum: Spectrum
    colours: NDArray[np.int64]
    position: tuple[float, float]
    velocity: tuple[float, float]
    key_position: tuple[float, float]
    template: Template


class MotionTracker:
    """Follows the global motion of a clip.

    Each frame is aligned with a key frame of its scene, so errors do not add up from frame to frame. Phase correlation
    with the frame before says where to start, patches in full resolution give the exact position.
    """

    def __init__(self) -> None:
        self._before: _Before | None = None

    def follow(self, frame: Image8) -> Motion:
        """Take the next frame.

        Args:
            frame: uint8 [height, width, 3]. A frame of another size begins another scene.
        """
        small = small_luminance(frame)
        transformed, colours = spectrum(small), _colour_counts(frame)
        before = self._before
        if before is None or before.size != frame.shape[:2]:
            return self._start_scene(frame, small, transformed, colours)
        factor = frame.shape[0] // small.shape[0]
        step = _scaled(global_shift(before.spectrum, transformed, small.shape), factor)
        guesses = [_sum(before.position, step), _sum(before.position, before.velocity), before.position]
        aligned = before.template.align(frame, [_difference(guess, before.key_position) for guess in guesses])
        is_lost = aligned.agreement < _LOST_AGREEMENT
        if is_lost and _is_cut(before, small, colours, (round(step[0] / factor), round(step[1] / factor))):
            return self._start_scene(frame, small, transformed, colours)
        position = guesses[0] if is_lost else _sum(before.key_position, aligned.shift)
        template, key_position = before.template, before.key_position
        if aligned.agreement < _MIN_AGREEMENT or aligned.inside < _MIN_INSIDE:
            template, key_position = Template.from_frame(frame, small), position
        velocity = _difference(position, before.position)
        self._before = _Before(before.size, small, transformed, colours, position, velocity, key_position, template)
        return Motion(position, starts_scene=False)

    def _start_scene(self, frame: Image8, small: Floats, transformed: Spectrum, colours: NDArray[np.int64]) -> Motion:
        origin, (height, width) = (0.0, 0.0), frame.shape[:2]
        template = Template.from_frame(frame, small)
        self._before = _Before((height, width), small, transformed, colours, origin, origin, origin, template)
        return Motion(origin, starts_scene=True)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what the tracker knows as arrays; empty before the first frame."""
        before = self._before
        if before is None:
            return {}
        return {
            "size": np.array(before.size, np.int64),
            "small": before.small,
            "colours": before.colours,
            "positions": np.array([before.position, before.velocity, before.key_position], np.float64),
            "corners": before.template.corners,
            "patches": before.template.patches,
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on where another tracker was when `state` was taken."""
        if not state:
            self._before = None
            return
        small: Floats = state["small"].astype(np.float32)
        height, width = state["size"].tolist()
        position, velocity, key_position = (tuple(pair) for pair in state["positions"].tolist())
        template = Template(state["corners"].astype(np.int64), state["patches"].astype(np.uint8))
        colours = state["colours"].astype(np.int64)
        self._before = _Before(
            (height, width), small, spectrum(small), colours, position, velocity, key_position, template
        )


def _is_cut(before: _Before, small: Floats, colours: NDArray[np.int64], step: tuple[int, int]) -> bool:
    """Tell whether a frame that patches do not find again belongs to another scene, by its structure and colours."""
    total = max(int(colours.sum()), 1)
    if np.abs(colours - before.colours).sum() / (2 * total) < _CUT_COLOURS:
        return False
    height, width = small.shape
    down, right = step
    now = small[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    then = before.small[max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
    if now.size == 0:
        return True
    flat_now, flat_then = now.std() < _FLAT, then.std() < _FLAT
    if flat_now or flat_then:
        same = abs(float(now.mean()) - float(then.mean())) < _SAME_LEVELS
        return not (flat_now and flat_then and same)
    rest_now, rest_then = now - now.mean(), then - then.mean()
    correlation = float((rest_now * rest_then).mean() / (now.std() * then.std()))
    return correlation < _CUT_CORRELATION


def _colour_counts(frame: Image8) -> NDArray[np.int64]:
    """Count coarse colours of pixels all over the frame."""
    picked = frame[::_COLOUR_STEP_PX, ::_COLOUR_STEP_PX].astype(np.int64) * _BINS // 256
    numbers = (picked[..., 0] * _BINS + picked[..., 1]) * _BINS + picked[..., 2]
    return np.bincount(numbers.ravel(), minlength=_BINS**3)


def _sum(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return first[0] + second[0], first[1] + second[1]


def _difference(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return first[0] - second[0], first[1] - second[1]


def _scaled(shift: tuple[float, float], factor: int) -> tuple[float, float]:
    return shift[0] * factor, shift[1] * factor
