"""Global shift between two images by phase correlation (Kuglin and Hines, 1975)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pix2style.steady.luminance import Floats

Spectrum = NDArray[np.complex64]

# Noise lives in high frequencies: they are damped by a Gaussian of this width, in cycles per pixel.
_BANDWIDTH = 0.2
# Frequencies weaker than this share of the mean amplitude hold noise only, and are not raised to full weight.
_AMPLITUDE_FLOOR = 0.3
# A peak that stands out less is one of noise. At 640x360 the highest of noise stood out by 5.9 to 6.6 standard
# deviations, and that of weak texture under noise by 46.
_MIN_PEAK_DEVIATIONS = 12
_MOST_PEAKS = 4
_PEAK_RADIUS = 2  # a peak is about so wide, in pixels


def spectrum(image: Floats) -> Spectrum:
    """Return the Fourier transform of an image under a window that hides its borders."""
    height, width = image.shape
    window = _window(height)[:, None] * _window(width)
    centred = image - image.mean(dtype=np.float64).astype(np.float32)
    return np.fft.rfft2(centred * window).astype(np.complex64, copy=False)


def global_shifts(
    before: Spectrum, after: Spectrum, shape: tuple[int, int], most: int = _MOST_PEAKS
) -> list[tuple[float, float]]:
    """Return how far the content may have moved from one image to the next, in pixels: down and to the right.

    A thing that moves by itself has a peak of its own, which can be the highest one if the rest has little texture.

    Args:
        before: Spectrum of the first image.
        after: Spectrum of the second image.
        shape: Height and width of the images.
        most: How many shifts to return at most.

    Returns:
        Shifts of up to half of the height and half of the width, that of the highest peak first; (0, 0) alone for
        images that have no texture but noise.
    """
    cross = after * before.conj()
    amplitude = np.abs(cross)
    floor = _AMPLITUDE_FLOOR * float(amplitude.mean(dtype=np.float64))
    if floor <= 0:
        return [(0.0, 0.0)]
    cross *= _low_pass(*shape) / (amplitude + np.float32(floor))
    surface = np.fft.irfft2(cross, shape).astype(np.float32, copy=False)
    least = float(surface.mean()) + _MIN_PEAK_DEVIATIONS * float(surface.std())
    if float(surface.max()) < least:
        return [(0.0, 0.0)]
    shifts: list[tuple[float, float]] = []
    left = np.where(surface >= _largest_near(surface), surface, -np.inf)  # the slopes of a peak are no peaks
    while len(shifts) < most and float(left.max()) >= least:
        row, column = (int(index) for index in np.unravel_index(int(left.argmax()), shape))
        shifts.append((_peak(surface[:, column], row), _peak(surface[row], column)))
        near = (np.arange(index - _PEAK_RADIUS, index + _PEAK_RADIUS + 1) for index in (row, column))
        left[np.ix_(*(indices % size for indices, size in zip(near, shape, strict=True)))] = -np.inf
    return shifts


def _largest_near(surface: Floats) -> Floats:
    """Return the largest of each value of a periodic surface and its eight neighbours."""
    for axis in (0, 1):
        surface = np.maximum(surface, np.maximum(np.roll(surface, 1, axis), np.roll(surface, -1, axis)))
    return surface


def _peak(line: Floats, index: int) -> float:
    """Return the signed position of a periodic peak, between samples by a parabola through three of them."""
    size = len(line)
    left, middle, right = (float(line[(index + step) % size]) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    offset = 0.0 if bend >= 0 else 0.5 * (left - right) / bend
    return (index - size if index > size // 2 else index) + offset


@lru_cache(maxsize=8)
def _window(size: int) -> Floats:
    positions = (np.arange(size) + 0.5) / size
    return (0.5 - 0.5 * np.cos(2 * np.pi * positions)).astype(np.float32)


@lru_cache(maxsize=8)
def _low_pass(height: int, width: int) -> Floats:
    squares = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width) ** 2
    return np.exp(-squares / (2 * _BANDWIDTH**2)).astype(np.float32)
