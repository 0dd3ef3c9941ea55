"""Correlate the edges of two images, whatever their colours and styles.

A style changes colours, brightness and even the sign of an edge, but hardly where an edge runs and in which direction.
Each image is therefore turned into a field of doubled edge directions, `(gx + i gy)^2 / (|g| + mean |g|)`. Doubling the
angle makes an edge from dark to bright equal to one from bright to dark (Granlund, In search of a general picture
processing operator, CGIP 1978, https://doi.org/10.1016/0146-664X(78)90047-3). The cross-correlation of two fields,
computed by FFT, has its peak at the shift that aligns the images best. The height of the peak is measured in standard
deviations of the correlation at all shifts (the score), which needs no threshold for each teacher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8

_ComplexField = NDArray[np.complexfloating[Any, Any]]

SIDE_PX = 256
"""Larger images are reduced to this longer side before they are compared."""
_BLUR_PX = 1.0
_MAX_SHIFT_SHARE = 0.2  # largest shift that is searched, as a share of the side
_UNSHIFTED_PX = 2  # up to this shift the pair counts as unshifted


@dataclass(frozen=True, slots=True)
class EdgeField:
    """The edges of an image, prepared for correlation.

    Attributes:
        spectrum: FFT of the edge field, zero-padded to a square of `SIDE_PX` and scaled to unit energy.
        height_px: Height of the reduced image in pixels.
        width_px: Width of the reduced image in pixels.
        scale: Number of pixels of the original image per pixel of the reduced image.
    """

    spectrum: _ComplexField
    height_px: int
    width_px: int
    scale: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """How well a target is aligned with a content.

    Attributes:
        score: Height of the correlation without shift (up to 2 pixels), in standard deviations.
        peak: Height of the correlation at the best shift, in standard deviations.
        dx_px: Best shift to the right, in pixels of the original image.
        dy_px: Best shift downwards, in pixels of the original image.
        reduced_px: Larger component of the best shift, in pixels of the reduced image.
    """

    score: float
    peak: float
    dx_px: float
    dy_px: float
    reduced_px: float


def edge_field(rgb: Image8) -> EdgeField:
    """Compute the edge field of an image.

    Args:
        rgb: Image, uint8 [height, width, 3].
    """
    scale = max(1.0, max(rgb.shape[:2]) / SIDE_PX)
    if scale > 1:
        size = tuple(max(1, round(side / scale)) for side in rgb.shape[1::-1])
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    field = _doubled_directions(rgb)
    height, width = field.shape
    energy = float(np.sqrt(np.sum(np.abs(field) ** 2)))
    spectrum = np.fft.fft2(field / max(energy, 1e-6), s=(SIDE_PX, SIDE_PX)).astype(np.complex64)
    return EdgeField(spectrum, height, width, scale)


def correlate(content: EdgeField, target: EdgeField) -> Correlation:
    """Correlate the edge fields of two images of the same size."""
    surface = np.fft.ifft2(np.conj(content.spectrum) * target.spectrum).real
    surface = np.fft.fftshift(surface)  # shift 0 is in the centre now
    rows, columns = (int(_MAX_SHIFT_SHARE * side) for side in (target.height_px, target.width_px))
    deviation = float(_around_centre(surface, target.height_px // 2, target.width_px // 2).std()) + 1e-9
    window = _around_centre(surface, rows, columns) / deviation
    row, column = np.unravel_index(int(window.argmax()), window.shape)
    down, right = int(row) - rows, int(column) - columns
    score = float(_around_centre(surface, _UNSHIFTED_PX, _UNSHIFTED_PX).max()) / deviation
    scale = target.scale
    return Correlation(score, float(window.max()), right * scale, down * scale, float(max(abs(down), abs(right))))


def _doubled_directions(rgb: Image8) -> _ComplexField:
    grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), _BLUR_PX).astype(np.float32)
    gx, gy = (cv2.Scharr(grey, cv2.CV_32F, dx, dy) / 32 for dx, dy in ((1, 0), (0, 1)))
    strength = np.hypot(gx, gy)
    # Divided by the strength once more than the formula says: squaring has multiplied it in twice.
    field: _ComplexField = (gx + 1j * gy) ** 2 / (strength * (strength + strength.mean()) + 1e-3)
    height, width = grey.shape
    # The field fades out towards the borders, which otherwise are the strongest edges of both images.
    window = np.sqrt(np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]))
    faded: _ComplexField = (field - field.mean()) * window
    return faded


def _around_centre(surface: NDArray[np.floating[Any]], rows: int, columns: int) -> NDArray[np.floating[Any]]:
    """Return the part of a centred surface up to `rows` up and down and `columns` to the left and right."""
    y, x = (side // 2 for side in surface.shape)
    return surface[max(0, y - rows) : y + rows + 1, max(0, x - columns) : x + columns + 1]
