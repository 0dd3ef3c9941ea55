"""Shift images by parts of a pixel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.steady.luminance import Floats

_FRAME_RADIUS = 3
_BLOCK_BYTES = 200_000  # rows are shifted in blocks that stay in the processor's cache
_STEPS = 64  # fractions are rounded to so many steps per pixel


def shift_frame(frame: Image8, shift: tuple[float, float]) -> Image8:
    """Shift a frame by less than a pixel or a little more, fast: with 6 samples in each direction, in bytes.

    Args:
        frame: uint8 [height, width, 3].
        shift: How far the content moves down and to the right, in pixels; rounded to 1/64 pixel.

    Returns:
        uint8 of the same shape; what comes in from outside repeats the border.
    """
    down, right = (round(distance * _STEPS) / _STEPS for distance in shift)
    if down == right == 0:
        return frame
    (above, down_weights), (before, right_weights) = _taps(down), _taps(right)
    height, width, channels = frame.shape
    rows = np.clip(np.arange(height + len(down_weights) - 1) - above, 0, height - 1)
    shifted = np.empty_like(frame)
    block = max(1, _BLOCK_BYTES // (4 * channels * width))
    for top in range(0, height, block):
        bottom = min(top + block, height)
        source = frame[rows[top : bottom + len(down_weights) - 1]].reshape(-1, width * channels).astype(np.float32)
        parts = [source[tap : tap + bottom - top] for tap in range(len(down_weights))]
        result = _shift_right(_weighted_sum(parts, down_weights), before, right_weights, channels)
        np.clip(np.rint(result, out=result), 0, 255, out=result)
        shifted[top:bottom] = result.reshape(-1, width, channels)
    return shifted


def shift_image(image: NDArray[np.generic], shift: tuple[float, float], *, radius: int = 8) -> Floats:
    """Shift an image by any distance, with a windowed sinc (Lanczos) that keeps fine detail.

    Args:
        image: [height, width] or [height, width, channels].
        shift: How far the content moves down and to the right, in pixels.
        radius: Number of samples on either side from which a value between samples is computed.

    Returns:
        float32 of the same shape. What comes in from outside repeats the border. Values are neither rounded nor
        clipped. A shift of whole pixels copies pixels exactly.
    """
    shifted = image.astype(np.float32)
    for axis, distance in enumerate(shift):
        whole = math.floor(distance)
        size = shifted.shape[axis]
        positions = np.arange(size) - whole
        result = np.zeros_like(shifted)
        for offset, weight in _lanczos(distance - whole, radius):
            result += np.float32(weight) * np.take(shifted, np.clip(positions + offset, 0, size - 1), axis=axis)
        shifted = result
    return shifted


def _taps(distance: float) -> tuple[int, list[float]]:
    """Return how many samples before its own position the first one of a pixel's samples lies, and their weights."""
    whole = math.floor(distance)
    taps = _lanczos(distance - whole, _FRAME_RADIUS)
    return whole - taps[0][0], [weight for _, weight in taps]


def _shift_right(rows: Floats, before: int, weights: list[float], channels: int) -> Floats:
    """Apply horizontal taps to rows of interleaved channels, repeating the first and last pixel."""
    if len(weights) == 1 and before == 0:
        return rows
    count, width = rows.shape[0], rows.shape[1] // channels
    left, right = max(before, 0), max(len(weights) - 1 - before, 0)
    padded = np.empty((count, left + width + right, channels), np.float32)
    pixels = rows.reshape(count, width, channels)
    padded[:, left : left + width] = pixels
    padded[:, :left], padded[:, left + width :] = pixels[:, :1], pixels[:, -1:]
    flat = padded.reshape(count, -1)
    starts = [channels * (left - before + tap) for tap in range(len(weights))]
    return _weighted_sum([flat[:, start : start + width * channels] for start in starts], weights)


def _weighted_sum(parts: list[Floats], weights: list[float]) -> Floats:
    total = parts[0] * np.float32(weights[0])
    product = np.empty_like(total)
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total += np.multiply(part, np.float32(weight), out=product)
    return total


def _lanczos(fraction: float, radius: int) -> list[tuple[int, float]]:
    """Return offsets and weights of the source samples for a shift by `fraction`, from 0 to below 1."""
    if fraction == 0:
        return [(0, 1.0)]
    offsets = np.arange(-radius, radius)
    distances = offsets + fraction
    weights = np.sinc(distances) * np.sinc(distances / radius)
    return list(zip(offsets.tolist(), (weights / weights.sum()).tolist(), strict=True))
