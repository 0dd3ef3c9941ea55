"""Textured patches of a key frame, with which the position of later frames is measured to a fraction of a pixel.

The method is that of Lucas and Kanade (1981) in its inverse form (Baker and Matthews, 2004): gradients are those of the
key frame, so a frame that equals the shifted key frame gives a shift that is exactly whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.steady.luminance import Floats, Ints, luminance_patches

PATCH_PX = 24
_ROWS, _COLUMNS = 6, 9  # one patch is looked for in each cell of a grid over the frame
_INNER_PX = PATCH_PX - 4  # smoothing and gradients take 2 pixels from each side
_MAX_STEP_PX = 1.5
_ITERATIONS = 6
_SEARCH_PX = 4
_MIN_TEXTURE = 2.0  # standard deviation in levels of a patch that tells a position
_MIN_PATCHES = 3
_ENOUGH_AGREEMENT = 0.5  # no other shift is looked for if so many patches agree
# A patch agrees if what is left of it after alignment is below this share of its texture, or below this many levels.
_MAX_REST_SHARE, _MAX_REST_LEVELS = 0.4, 2.5


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where a frame lies relative to a key frame.

    Attributes:
        shift: How far the content has moved since the key frame, in pixels: down, to the right.
        agreement: Share of the patches inside the frame that agree with the shift; 0 if there are too few patches.
        inside: Share of the template's patches that still lie inside the frame.
    """

    shift: tuple[float, float]
    agreement: float
    inside: float


class Template:
    """Patches of a key frame.

    Args:
        corners: Upper left corners of the patches in the key frame, int64 [patches, 2].
        patches: Their luminance, uint8 [patches, PATCH_PX, PATCH_PX].
    """

    def __init__(self, corners: Ints, patches: NDArray[np.uint8]) -> None:
        self.corners, self.patches = corners, patches
        smooth = _smooth(patches)
        self._down = (smooth[:, 2:, 1:-1] - smooth[:, :-2, 1:-1]) / np.float32(2)
        self._right = (smooth[:, 1:-1, 2:] - smooth[:, 1:-1, :-2]) / np.float32(2)
        self._inner = smooth[:, 1:-1, 1:-1]
        self._texture = self._inner.std(axis=(1, 2))
        self._inverse = _inverse_hessians(self._down, self._right)

    @classmethod
    def from_frame(cls, frame: Image8, small: Floats) -> Template:
        """Choose the most textured patch in each cell of a grid over the frame.

        Args:
            frame: The key frame, uint8 [height, width, 3].
            small: Its small luminance, which is searched for texture.
        """
        factor = frame.shape[0] // max(small.shape[0], 1)
        side = max(PATCH_PX // factor, 2)
        corners = factor * _textured_corners(small, side)
        limits = np.array(frame.shape[:2]) - PATCH_PX
        corners = corners[(corners <= limits).all(axis=1)] if len(corners) else corners
        template = cls(corners, luminance_patches(frame, corners, PATCH_PX))
        useful = template._texture >= _MIN_TEXTURE
        return cls(template.corners[useful], template.patches[useful])

    def __len__(self) -> int:
        return len(self.corners)

    def align(self, frame: Image8, guess: tuple[float, float]) -> Alignment:
        """Measure how far the content has moved since the key frame.

        Args:
            frame: uint8 [height, width, 3], of the key frame's size.
            guess: Shift to start from, which is wrong by a pixel or two at most.
        """
        if len(self) < _MIN_PATCHES:
            return Alignment(guess, 0.0, 1.0)
        return self._refine(frame, (round(guess[0]), round(guess[1])))

    def search(self, frame: Image8, guesses: Sequence[tuple[float, float]]) -> list[Alignment]:
        """Measure the shift as `align` does, from each guess, and from all whole pixels around the one that fits best.

        Things that move by themselves have patches, too, so there may be several shifts in which many patches agree.
        """
        if len(self) < _MIN_PATCHES:
            return [Alignment(guesses[0], 0.0, 1.0)]
        starts = sorted({(round(down), round(right)) for down, right in guesses})
        alignments = [self._refine(frame, start) for start in starts]
        if max(alignment.agreement for alignment in alignments) < _ENOUGH_AGREEMENT:
            start = min(starts, key=lambda start: self._misfit(frame, start))
            alignments.append(self._refine(frame, self._whole_shift_near(frame, start)))
        return alignments

    def _inside(self, frame: Image8, start: tuple[int, int], margin: int = 0) -> NDArray[np.bool_]:
        corners = self.corners + np.array(start)
        limits = np.array(frame.shape[:2]) - PATCH_PX - margin
        inside: NDArray[np.bool_] = ((corners >= margin) & (corners <= limits)).all(axis=1)
        return inside

    def _misfit(self, frame: Image8, start: tuple[int, int]) -> float:
        """Return the median difference between patches at a whole-pixel shift, in levels without their means."""
        inside = self._inside(frame, start)
        if np.count_nonzero(inside) < _MIN_PATCHES:
            return np.inf
        patches = luminance_patches(frame, self.corners[inside] + np.array(start), PATCH_PX).astype(np.float32)
        rest = patches - self.patches[inside]
        rest -= rest.mean(axis=(1, 2), keepdims=True)
        return float(np.median(np.abs(rest).mean(axis=(1, 2))))

    def _refine(self, frame: Image8, start: tuple[int, int]) -> Alignment:
        shift: tuple[float, float] = start
        agreement = inside_share = 0.0
        for _ in range(_ITERATIONS):
            inside = self._inside(frame, start)
            inside_share = float(inside.mean())
            if np.count_nonzero(inside) < _MIN_PATCHES:
                return Alignment(shift, 0.0, inside_share)
            shift, agreement = self._step(frame, start, inside)
            next_start = round(shift[0]), round(shift[1])
            if max(abs(shift[0] - start[0]), abs(shift[1] - start[1])) <= 0.6:
                break
            start = next_start
        return Alignment(shift, agreement, inside_share)

    def _step(
        self, frame: Image8, start: tuple[int, int], inside: NDArray[np.bool_]
    ) -> tuple[tuple[float, float], float]:
        """Return the median of the shifts that the patches tell, and the share of patches that agree with it."""
        patches = luminance_patches(frame, self.corners[inside] + np.array(start), PATCH_PX)
        rest = _smooth(patches)[:, 1:-1, 1:-1] - self._inner[inside]
        rest -= rest.mean(axis=(1, 2), keepdims=True)
        down, right = self._down[inside], self._right[inside]
        slopes = np.stack([(down * rest).sum(axis=(1, 2)), (right * rest).sum(axis=(1, 2))], axis=1)
        steps = -(self._inverse[inside] @ slopes[:, :, None])[:, :, 0]
        steps = np.clip(steps, -_MAX_STEP_PX, _MAX_STEP_PX)
        agrees = np.ones(len(steps), bool)
        # The second median is that of the patches that agree with the first one: the others show other things.
        for _ in range(2):
            step_down, step_right = (float(np.median(steps[agrees, axis])) for axis in (0, 1))
            moved = rest + down * np.float32(step_down) + right * np.float32(step_right)
            left_over = np.sqrt(np.square(moved).mean(axis=(1, 2)))
            agreeing = left_over <= np.maximum(_MAX_REST_SHARE * self._texture[inside], _MAX_REST_LEVELS)
            if agreeing.all() or np.count_nonzero(agreeing) < _MIN_PATCHES:
                break
            agrees = agreeing
        return (start[0] + step_down, start[1] + step_right), float(agreeing.mean())

    def _whole_shift_near(self, frame: Image8, start: tuple[int, int]) -> tuple[int, int]:
        """Return the whole-pixel shift near `start` at which most patches fit best."""
        inside = self._inside(frame, start, _SEARCH_PX)
        if np.count_nonzero(inside) < _MIN_PATCHES:
            return start
        side = PATCH_PX + 2 * _SEARCH_PX
        areas = luminance_patches(frame, self.corners[inside] + np.array(start) - _SEARCH_PX, side).astype(np.float32)
        template = self.patches[inside].astype(np.float32)
        steps = range(2 * _SEARCH_PX + 1)
        misfits = np.empty((len(areas), len(steps), len(steps)), np.float32)
        for down in steps:
            for right in steps:
                rest = areas[:, down : down + PATCH_PX, right : right + PATCH_PX] - template
                misfits[:, down, right] = rest.var(axis=(1, 2))
        misfits /= misfits.min(axis=(1, 2), keepdims=True) + np.float32(1)
        best_down, best_right = np.unravel_index(int(np.median(misfits, axis=0).argmin()), misfits.shape[1:])
        return start[0] + int(best_down) - _SEARCH_PX, start[1] + int(best_right) - _SEARCH_PX


def _smooth(patches: NDArray[np.uint8]) -> Floats:
    """Smooth patches with the kernel 1 2 1 in both directions, which widens the range of a step; 2 pixels are lost."""
    sums = patches.astype(np.float32)
    sums = sums[:, :-2] + 2 * sums[:, 1:-1] + sums[:, 2:]
    sums = sums[:, :, :-2] + 2 * sums[:, :, 1:-1] + sums[:, :, 2:]
    return sums / np.float32(16)


def _inverse_hessians(down: Floats, right: Floats) -> Floats:
    """Return the inverse of each patch's matrix of squared gradients, damped for edges, along which nothing is told."""
    a, b, c = ((first * second).sum(axis=(1, 2)) for first, second in ((down, down), (down, right), (right, right)))
    damping = np.float32(0.005) * (a + c) + np.float32(_INNER_PX)
    a, c = a + damping, c + damping
    matrices = np.stack([np.stack([c, -b], axis=-1), np.stack([-b, a], axis=-1)], axis=-2)
    inverse: Floats = matrices / (a * c - b * b)[:, None, None]
    return inverse


def _textured_corners(small: Floats, side: int) -> Ints:
    """Return the upper left corner of the square with the most texture in both directions, one for each cell."""
    height, width = small.shape
    if height <= side + 1 or width <= side + 1:
        return np.zeros((0, 2), np.int64)
    down = np.square(np.diff(small, axis=0)[:, :-1])
    right = np.square(np.diff(small, axis=1)[:-1])
    texture = np.minimum(_box_sums(down, side), _box_sums(right, side))
    corners = []
    for rows in np.array_split(np.arange(texture.shape[0]), _ROWS):
        for columns in np.array_split(np.arange(texture.shape[1]), _COLUMNS):
            if len(rows) and len(columns):
                cell = texture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                row, column = np.unravel_index(int(cell.argmax()), cell.shape)
                corners.append((rows[0] + row, columns[0] + column))
    return np.array(corners, np.int64).reshape(-1, 2)


def _box_sums(values: Floats, side: int) -> NDArray[np.float64]:
    """Return the sums over all squares of `side` pixels."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    sums[1:, 1:] = values.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    totals: NDArray[np.float64] = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return totals
