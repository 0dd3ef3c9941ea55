"""Figures of steadiness: what is repainted when a photo moves, and what becomes of noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pix2style.evaluation.moving_clip import MovingClip
from pix2style.images import Image8
from pix2style.steady.resample import shift_image

Render = Callable[[Sequence[Image8]], list[Image8]]

WHOLE_SHIFTS_PX = (1, 2, 3, 4)
PARTIAL_SHIFTS_PX = (0.25, 0.5)
NOISE_LEVELS = 2.0
_NOISY_FRAMES = 4  # the last two are compared, so a stylizer may average the others
_NOISE_SEED = 17
# What comes into view at the border, and what the border's padding changes, is left out.
_BORDER_PX = 40
_BLOCK_PX = 16


@dataclass(frozen=True, slots=True)
class PartialShift:
    """What happens between two frames of a pan by a part of a pixel, in levels.

    Attributes:
        difference: RMS difference between the stylized shifted photo and the shifted stylized photo.
        change: RMS difference between the two stylized frames.
        photo_change: RMS difference between the two frames of the photo.
    """

    difference: float
    change: float
    photo_change: float


def rms(difference: NDArray[np.generic]) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.square(difference.astype(np.float64)).mean()))


def whole_shift_difference(render: Render, photo: Image8, shift_px: int) -> float:
    """Return the RMS difference between the stylized shifted photo and the shifted stylized photo, in levels.

    Args:
        render: Stylizes the frames of a clip; called for a clip of its own.
        photo: uint8 [height, width, 3], of which a border is cut off.
        shift_px: How far the content moves to the right.
    """
    margin = max(WHOLE_SHIFTS_PX)
    width = photo.shape[1] - margin
    views = [np.ascontiguousarray(photo[:, start : start + width]) for start in (margin, margin - shift_px)]
    before, after = render(views)
    border = _border(before)
    moved = after[border:-border, border + shift_px : width - border + shift_px]
    return rms(moved.astype(np.float32) - before[border:-border, border : width - border])


def partial_shift(render: Render, photo: Image8, shift_px: float) -> PartialShift:
    """Measure a pan to the right by a part of a pixel for each frame, over one pixel.

    The photo is shifted with a windowed sinc of 16 samples and rounded to bytes; the stylized frame is shifted in the
    same way. Figures are over all pairs of neighbouring frames.
    """
    frames = [_to_bytes(shift_image(photo, (0.0, shift_px * step))) for step in range(round(1 / shift_px) + 1)]
    border = _border(photo)
    inner = np.s_[border:-border, border:-border]
    pairs = list(pairwise(image.astype(np.float32) for image in render(frames)))
    photo_pairs = pairwise(image[inner].astype(np.float32) for image in frames)
    return PartialShift(
        difference=rms(np.stack([(after - shift_image(before, (0.0, shift_px)))[inner] for before, after in pairs])),
        change=rms(np.stack([(after - before)[inner] for before, after in pairs])),
        photo_change=rms(np.stack([after - before for before, after in photo_pairs])),
    )


def noise_gain(render: Render, photo: Image8) -> float:
    """Return by which factor noise is amplified: change between frames of a photo at rest, out / in.

    Every frame is the photo with its own normal noise of NOISE_LEVELS levels.
    """
    noise = np.random.default_rng(_NOISE_SEED)
    frames = [_to_bytes(photo + noise.normal(0, NOISE_LEVELS, photo.shape)) for _ in range(_NOISY_FRAMES)]
    before, after = (image.astype(np.float32) for image in render(frames)[-2:])
    return rms(after - before) / rms(frames[-1].astype(np.float32) - frames[-2])


def clip_errors(clip: MovingClip, images: Sequence[Image8]) -> tuple[float, float]:
    """Measure how a stylized clip changes along its motion, which is known exactly.

    Args:
        clip: The rendered clip.
        images: What was made of its frames.

    Returns:
        The warping error, which is the RMS difference between each frame and the one before it, moved along with the
        scene, in levels; and the flicker, which is the same for the mean levels of blocks of 16 x 16 pixels: brightness
        that pumps. Pixels that were hidden before, outlines of objects and the border are left out.
    """
    pixels: list[tuple[float, int]] = []
    blocks: list[tuple[float, int]] = []
    for frame in range(1, len(images)):
        for motion, visible in clip.layers(frame):
            difference = images[frame].astype(np.float32) - shift_image(images[frame - 1], motion)
            inside = difference[visible].astype(np.float64)
            pixels.append((float(np.square(inside).sum()), inside.size))
            means = _block_means(difference.mean(axis=2), visible)
            blocks.append((float(np.square(means).sum()), means.size))
    return _root_mean(pixels), _root_mean(blocks)


def _block_means(values: NDArray[np.float32], visible: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the means of all blocks of which at least half is visible."""
    rows, columns = (size // _BLOCK_PX for size in values.shape)
    cut = np.s_[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    shape = rows, _BLOCK_PX, columns, _BLOCK_PX
    counts = visible[cut].reshape(shape).sum(axis=(1, 3))
    sums = (values * visible)[cut].reshape(shape).sum(axis=(1, 3), dtype=np.float64)
    enough = counts >= _BLOCK_PX**2 // 2
    means: NDArray[np.float64] = sums[enough] / counts[enough]
    return means


def _root_mean(parts: Sequence[tuple[float, int]]) -> float:
    count = sum(size for _, size in parts)
    return float(np.sqrt(sum(total for total, _ in parts) / max(count, 1)))


def _border(image: Image8) -> int:
    height, width = image.shape[:2]
    return int(max(1, min(_BORDER_PX, height // 4, width // 4)))


def _to_bytes(image: NDArray[np.generic]) -> Image8:
    levels: Image8 = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return levels
