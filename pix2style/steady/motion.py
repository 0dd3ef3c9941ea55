"""Follow the position of a scene from frame to frame, and notice when another scene begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.steady.area_votes import votes
from pix2style.steady.correlation import global_shifts, spectrum
from pix2style.steady.luminance import Floats, small_luminance
from pix2style.steady.template import Alignment, Template

# A key frame is replaced when fewer of its patches than this share are still inside the frame, or agree.
_MIN_INSIDE, _MIN_AGREEMENT = 0.6, 0.5
# Alignments in which fewer patches agree tell nothing.
_LOST_AGREEMENT = 0.25
# If so many patches agree where steady motion would bring them, there is no need for phase correlation.
_SURE_AGREEMENT = 0.75
# Alignments that differ by less are of one motion.
_SAME_PX = 0.75
# Where the frame zooms or turns, no motion explains more than a part of it.
_MOST_SHARE = 0.5
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
    colours: Image8
    position: tuple[float, float]
    velocity: tuple[float, float]
    key_position: tuple[float, float]
    template: Template


class MotionTracker:
    """Follows the global motion of a clip.

    Each frame is aligned with a key frame of its scene, so errors do not add up from frame to frame. Patches in full
    resolution give the exact position. They are looked for where steady motion would bring them and, if they do not
    agree there, where phase correlation with the frame before says.
    """

    def __init__(self) -> None:
        self._before: _Before | None = None

    def follow(self, frame: Image8) -> Motion:
        """Take the next frame.

        Args:
            frame: uint8 [height, width, 3]. A frame of another size begins another scene.
        """
        small, colours = small_luminance(frame), np.array(frame[::_COLOUR_STEP_PX, ::_COLOUR_STEP_PX])
        before, size = self._before, (frame.shape[0], frame.shape[1])
        if before is None or before.size != size:
            return self._start_scene(frame, small, colours)
        position, template, key_position = _sum(before.position, before.velocity), before.template, before.key_position
        aligned = template.align(frame, _difference(position, key_position))
        if aligned.agreement < _SURE_AGREEMENT:
            aligned = _search(frame, small, before, aligned)
            step = _difference(_sum(key_position, aligned.shift), before.position)
            if aligned.agreement < _LOST_AGREEMENT and _is_cut(before, small, colours, step):
                return self._start_scene(frame, small, colours)
        position = _sum(key_position, aligned.shift)
        if aligned.agreement < _MIN_AGREEMENT or aligned.inside < _MIN_INSIDE:
            template, key_position = Template.from_frame(frame, small), position
        velocity = _difference(position, before.position)
        self._before = _Before(size, small, colours, position, velocity, key_position, template)
        return Motion(position, starts_scene=False)

    def _start_scene(self, frame: Image8, small: Floats, colours: Image8) -> Motion:
        origin, (height, width) = (0.0, 0.0), frame.shape[:2]
        template = Template.from_frame(frame, small)
        self._before = _Before((height, width), small, colours, origin, origin, origin, template)
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
        colours = state["colours"].astype(np.uint8)
        self._before = _Before((height, width), small, colours, position, velocity, key_position, template)


def _search(frame: Image8, small: Floats, before: _Before, aligned: Alignment) -> Alignment:
    """Return the motion of most of the frame, from where patches are found again and where phase correlation peaks.

    Things that move by themselves may have more texture than the rest, and so more patches and a higher peak.

    Args:
        frame: The frame.
        small: Its small luminance.
        before: What is kept of the frame before.
        aligned: Where steady motion would bring the patches.
    """
    factor = frame.shape[0] // small.shape[0]
    peaks = global_shifts(spectrum(before.small), spectrum(small), small.shape)
    origin = _difference(before.position, before.key_position)
    shifts = [_sum(origin, (down * factor, right * factor)) for down, right in peaks]
    guesses = _distinct([aligned, *(Alignment(shift, 0.0, 1.0) for shift in (*shifts, origin))])
    steps = [_difference(guess.shift, origin) for guess in guesses]
    areas = votes(before.small, small, [(down / factor, right / factor) for down, right in steps])
    if areas.max() > _MOST_SHARE * areas.sum():
        most = guesses[int(areas.argmax())]
        found = before.template.search(frame, [most.shift])
        # The peak of a reduced image is less exact. An alignment farther away than that is of another motion.
        near = (each for each in found if _are_near(each, most, 1.5 * factor + 0.5))
        return max([most, *near], key=lambda each: each.agreement)
    found = before.template.search(frame, [guess.shift for guess in guesses])
    surest = max(found, key=lambda each: each.agreement)
    return surest if surest.agreement >= _LOST_AGREEMENT else Alignment(shifts[0], 0.0, 1.0)


def _distinct(found: Iterable[Alignment]) -> list[Alignment]:
    """Return the alignments without those that are nearly the same as a surer one, the surest first."""
    distinct: list[Alignment] = []
    for each in sorted(found, key=lambda each: -each.agreement):
        if not any(_are_near(each, other, _SAME_PX) for other in distinct):
            distinct.append(each)
    return distinct


def _are_near(first: Alignment, second: Alignment, most_px: float) -> bool:
    return max(map(abs, _difference(first.shift, second.shift))) <= most_px


def _is_cut(before: _Before, small: Floats, colours: Image8, step_px: tuple[float, float]) -> bool:
    """Tell whether a frame that patches do not find again belongs to another scene, by its structure and colours."""
    counts_now, counts_then = _colour_counts(colours), _colour_counts(before.colours)
    if np.abs(counts_now - counts_then).sum() / (2 * counts_now.sum()) < _CUT_COLOURS:
        return False
    height, width = small.shape
    factor = before.size[0] // height
    down, right = (round(distance / factor) for distance in step_px)
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


def _colour_counts(pixels: Image8) -> NDArray[np.int64]:
    """Count pixels by coarse colours."""
    levels = pixels.astype(np.int64) * _BINS // 256
    numbers = (levels[..., 0] * _BINS + levels[..., 1]) * _BINS + levels[..., 2]
    return np.bincount(numbers.ravel(), minlength=_BINS**3)


def _sum(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return first[0] + second[0], first[1] + second[1]


def _difference(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return first[0] - second[0], first[1] - second[1]
