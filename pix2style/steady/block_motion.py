"""Motion of small blocks between two images of one scene, by matching blocks from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.steady.luminance import Floats, Ints, reduced_luminance

BLOCK = 8  # side of a block in pixels of the reduced luminance
_WINDOW = 16  # side of the area that is compared, around a block
_COARSE = 4
_COARSE_RANGE = 5
_RANGE = _COARSE * (_COARSE_RANGE + 1)  # no motion is larger than this, in reduced pixels
_MARGIN = _RANGE + _WINDOW
# A block moves if it differs by more levels than this, and than this multiple of what is usual in the frame.
_MOVING_LEVELS, _MOVING_RATIO = 2.5, 1.6
# Motion must explain a block clearly better than rest does.
_GAIN = 0.8
_SHARPNESS_FLOOR = 1e-3

_Levels = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class BlockMotion:
    """The blocks that move.

    Attributes:
        blocks: Row and column of each moving block, counted in blocks, int64 [moving, 2].
        vectors: How far each one has moved, in pixels of the full image: down, to the right; float32 [moving, 2].
        block_px: Side of a block in pixels of the full image.
    """

    blocks: Ints
    vectors: Floats
    block_px: int


def find_block_motion(before: Image8, now: Image8, factor: int) -> BlockMotion:
    """Find blocks that moved, and how far.

    Args:
        before: Image of the scene, uint8 [height, width, 3].
        now: A later image of the same size, in which the background is at the same place.
        factor: Factor by which luminance is reduced for matching; divides height and width.
    """
    old, new = (_whole_blocks(reduced_luminance(image, factor)) for image in (before, now))
    block_px = BLOCK * factor
    rest = _block_sums(np.abs(new - old), BLOCK) / np.float32(BLOCK**2)
    limit = max(_MOVING_LEVELS, _MOVING_RATIO * float(np.quantile(rest, 0.3))) if rest.size else 0.0
    blocks: Ints = np.argwhere(rest > limit)
    if not len(blocks):
        return BlockMotion(blocks, np.zeros((0, 2), np.float32), block_px)
    candidates = _candidates(_coarse_motion(old, new), blocks)
    padded_old, padded_new = (np.pad(levels, _MARGIN, mode="edge") for levels in (old, new))
    corners = blocks * BLOCK - (_WINDOW - BLOCK) // 2 + _MARGIN
    matcher = _Matcher(padded_old, padded_new, corners)
    vectors = matcher.match(candidates)
    explained = matcher.is_better
    # Blocks that reach beyond the full image's whole blocks are left out.
    limits = np.array(now.shape[:2]) // block_px
    kept = explained & (blocks < limits).all(axis=1)
    return BlockMotion(blocks[kept], (vectors[kept] * factor).astype(np.float32), block_px)


def move_blocks(image: Image8, motion: BlockMotion) -> Image8:
    """Return the image with its moving blocks where they have moved to; between pixels, linearly."""
    side = motion.block_px
    if not len(motion.blocks) or min(image.shape[:2]) <= side:
        return image
    moved = image.copy()
    sources = motion.blocks * side - motion.vectors.astype(np.float64)
    limits = np.array(image.shape[:2]) - side - 1
    sources = np.clip(sources, 0, limits)
    corners = np.floor(sources).astype(np.int64)
    down, right = ((sources - corners)[:, axis].astype(np.float32)[:, None, None, None] for axis in (0, 1))
    windows = sliding_window_view(image, (side + 1, side + 1), axis=(0, 1))
    areas = windows[corners[:, 0], corners[:, 1]].transpose(0, 2, 3, 1).astype(np.float32)
    areas = areas[:, :-1] + down * (areas[:, 1:] - areas[:, :-1])
    areas = areas[:, :, :-1] + right * (areas[:, :, 1:] - areas[:, :, :-1])
    values = (areas + np.float32(0.5)).astype(np.uint8)
    for (row, column), value in zip((motion.blocks * side).tolist(), values, strict=True):
        moved[row : row + side, column : column + side] = value
    return moved


class _Matcher:
    """Compares windows around blocks of two images."""

    def __init__(self, old: _Levels, new: _Levels, corners: Ints) -> None:
        self._old = sliding_window_view(old, (_WINDOW, _WINDOW))
        self._corners = corners
        self._target = sliding_window_view(new, (_WINDOW, _WINDOW))[corners[:, 0], corners[:, 1]]
        self.is_better: NDArray[np.bool_] = np.zeros(len(corners), bool)

    def match(self, candidates: Ints) -> NDArray[np.float64]:
        """Return the best motion of each block near one of its candidates.

        Args:
            candidates: Motions in reduced pixels, int64 [candidates, blocks, 2].

        Returns:
            float64 [blocks, 2].
        """
        best = self._best(candidates)
        near = range(-_COARSE // 2, _COARSE // 2 + 1)
        best = self._best(best + np.array([(down, right) for down in near for right in near])[:, None])
        nothing = self._misfit(np.zeros_like(best))
        self.is_better = self._misfit(best) < _GAIN * nothing
        vectors: NDArray[np.float64] = best.astype(np.float64) + self._between_pixels(best).astype(np.float64)
        return vectors

    def _best(self, motions: Ints) -> Ints:
        """Return for each block the one of its motions, int64 [motions, blocks, 2], that fits best."""
        motions = np.clip(motions, -_RANGE, _RANGE)
        misfits = np.stack([self._misfit(motion) for motion in motions])
        best: Ints = motions[misfits.argmin(axis=0), np.arange(motions.shape[1])]
        return best

    def _misfit(self, motion: Ints) -> Floats:
        sources = self._corners - motion
        rest = self._old[sources[:, 0], sources[:, 1]] - self._target
        misfit: Floats = np.abs(rest, out=rest).sum(axis=(1, 2), dtype=np.int32).astype(np.float32)
        return misfit

    def _between_pixels(self, best: Ints) -> Floats:
        """Return parts of a pixel, from the misfits on both sides: the sides of a V meet where the motion is."""
        middle = self._misfit(best)
        parts = []
        for step in ((1, 0), (0, 1)):
            less, more = self._misfit(best - step), self._misfit(best + step)
            slope = np.maximum(np.maximum(less, more) - middle, np.float32(_SHARPNESS_FLOOR))
            parts.append(np.clip((less - more) / (2 * slope), -0.5, 0.5))
        return np.stack(parts, axis=1)


def _whole_blocks(levels: NDArray[np.uint8]) -> _Levels:
    """Pad luminance to whole blocks."""
    rest = [(0, -size % BLOCK) for size in levels.shape]
    return np.pad(levels, rest, mode="edge").astype(np.int16)


def _block_sums(values: NDArray[np.generic], side: int) -> Floats:
    rows, columns = (size // side for size in values.shape)
    sums: Floats = values.reshape(rows, side, columns, side).sum(axis=(1, 3), dtype=np.int32).astype(np.float32)
    return sums


def _coarse_motion(old: _Levels, new: _Levels) -> Ints:
    """Return the motion of every block, in reduced pixels, to the nearest multiple of 4: int64 [rows, columns, 2]."""
    small_old, small_new = ((_block_sums(levels, _COARSE) / _COARSE**2).astype(np.int16) for levels in (old, new))
    margin = _COARSE_RANGE
    padded = np.pad(small_old, margin, mode="edge")
    height, width = small_new.shape
    steps = range(-margin, margin + 1)
    motions = sorted(
        ((down, right) for down in steps for right in steps), key=lambda step: (abs(step[0]) + abs(step[1]), step)
    )
    best = np.full((height // 2, width // 2), np.iinfo(np.int16).max, np.int16)
    chosen = np.zeros(best.shape, np.int64)
    for number, (down, right) in enumerate(motions):
        moved = padded[margin - down : margin - down + height, margin - right : margin - right + width]
        rest = np.abs(moved - small_new)
        rows = rest[::2] + rest[1::2]  # a block has 2 x 2 coarse pixels; sums of 36 differences fit 16 bits
        misfit = _sum_of_neighbours(rows[:, ::2] + rows[:, 1::2])
        closer = misfit < best
        best[closer], chosen[closer] = misfit[closer], number
    result: Ints = _COARSE * np.array(motions, np.int64)[chosen]
    return result


def _sum_of_neighbours(values: _Levels) -> _Levels:
    """Return for each value the sum of the 3 x 3 values around it."""
    rows, columns = values.shape
    sums = np.empty((rows + 2, columns + 2), np.int16)
    sums[1:-1, 1:-1] = values
    sums[0, 1:-1], sums[-1, 1:-1] = values[0], values[-1]
    sums[:, 0], sums[:, -1] = sums[:, 1], sums[:, -2]
    sums = sums[:-2] + sums[1:-1] + sums[2:]
    totals: _Levels = sums[:, :-2] + sums[:, 1:-1] + sums[:, 2:]
    return totals


def _candidates(coarse: Ints, blocks: Ints) -> Ints:
    """Return rest, and the coarse motions of each block and of its four neighbours: int64 [6, blocks, 2]."""
    padded = np.pad(coarse, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = blocks[:, 0] + 1, blocks[:, 1] + 1
    near = [padded[rows + down, columns + right] for down, right in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))]
    return np.stack([np.zeros_like(near[0]), *near])
