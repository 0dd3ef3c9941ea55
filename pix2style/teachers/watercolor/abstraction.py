"""From photo to shapes: what a brush of a given size can still say."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Colour = NDArray[np.float32]

# Kuwahara: how many directions a brush can look in, and the variance (of RGB in [0, 1], summed) taken for camera noise.
_SECTORS = 8
_NOISE_VARIANCE = 2.2e-5
# Where squared gradients are below this (about one grey level a pixel) a direction means nothing.
_FLAT_GRADIENT = 2.5e-5


@dataclass(frozen=True, slots=True)
class Flow:
    """Which way edges run: unit tangent `along_x`, `along_y`, and `anisotropy` in [0, 1]; float32 [height, width]."""

    along_x: Plane
    along_y: Plane
    anisotropy: Plane


@dataclass(frozen=True, slots=True)
class Shapes:
    """A photo painted with a fine and with a broad brush.

    Attributes:
        sketch: one pass of the fine brush, to draw lines from; float32 [height, width, 3] in [0, 1].
        fine: two passes of the fine brush.
        broad: `fine` gone over twice with the broad brush: washes.
    """

    sketch: Colour
    fine: Colour
    broad: Colour


def find_shapes(photo: Colour, brush_radius_px: float) -> Shapes:
    """Abstract a photo, float32 [height, width, 3] in [0, 1], at two scales."""
    fine_px = 0.7 * brush_radius_px
    sketch = kuwahara(photo, flow_of(photo, 2.0), fine_px)
    flow = flow_of(sketch, 2.0)
    fine = kuwahara(sketch, flow, fine_px)
    broad = kuwahara(fine, flow, 1.5 * brush_radius_px)
    broad = kuwahara(broad, flow_of(broad, 3.0), 1.3 * brush_radius_px)
    return Shapes(sketch, fine, broad)


def flow_of(picture: Colour, sigma_px: float) -> Flow:
    """Edge directions from the smoothed colour structure tensor.

    S. Di Zenzo, "A note on the gradient of a multi-image", CVGIP 1986, doi:10.1016/0734-189X(86)90223-9; smoothed and
    used for painting as in Kyprianidis et al. 2009 (see `kuwahara`).
    """
    across, down = gradient(blur(picture, 0.8))
    e = blur(_channel_sum(across * across), sigma_px)
    f = blur(_channel_sum(across * down), sigma_px)
    g = blur(_channel_sum(down * down), sigma_px)
    difference, twice = e - g, 2 * f
    # The tangent is the eigenvector of the smaller eigenvalue: half the tensor's angle, turned by a right angle.
    angle = 0.5 * np.arctan2(twice, difference)
    spread = length(difference, twice)
    return Flow(-np.sin(angle), np.cos(angle), spread / (e + g + np.float32(_FLAT_GRADIENT)))


def kuwahara(picture: Colour, flow: Flow, radius_px: float) -> Colour:
    """Flatten texture, keep edges: each pixel takes the mean of the calmest sectors around it.

    Anisotropic Kuwahara filtering (J. E. Kyprianidis, H. Kang, J. Doellner, "Image and video abstraction by anisotropic
    Kuwahara filtering", CGF 2009, doi:10.1111/j.1467-8659.2009.01574.x; the weighting by variance after G. Papari et
    al., "Artistic edge and corner enhancing smoothing", TIP 2007, doi:10.1109/TIP.2007.903912). Where the paper
    convolves with a weight for every sector, here a sector is a Gaussian disc: one blur for means and variances, read
    at eight places on an ellipse along the edge, which costs little and looks alike.
    """
    mean = blur(picture, max(0.32 * radius_px, 0.5))
    variance = _channel_sum(blur(picture * picture, max(0.32 * radius_px, 0.5)) - mean * mean)
    source = np.dstack([mean, np.maximum(variance, 0)])
    columns, rows = pixel_grid(*flow.anisotropy.shape)
    stretch = 1 + np.float32(0.8) * flow.anisotropy
    long, short = np.float32(0.62 * radius_px) * stretch, np.float32(0.62 * radius_px) / stretch
    total = np.zeros_like(picture)
    weights = np.zeros_like(variance)
    for sector in range(_SECTORS):
        turn = 2 * np.pi * sector / _SECTORS
        along, aside = long * np.float32(np.cos(turn)), short * np.float32(np.sin(turn))
        x = columns + along * flow.along_x - aside * flow.along_y
        y = rows + along * flow.along_y + aside * flow.along_x
        disc = read_at(source, x, y)
        weight = 1 / (np.square(disc[..., 3]) + np.float32(_NOISE_VARIANCE**2))
        total += disc[..., :3] * weight[..., None]
        weights += weight
    return total / weights[..., None]


def follow(plane: Plane, flow: Flow, steps: int, step_px: float) -> Plane:
    """Average along edges, `steps` each way (line integral convolution with straight lines).

    H. Kang, S. Lee, C. K. Chui, "Coherent line drawing", NPAR 2007, doi:10.1145/1274871.1274878.
    """
    columns, rows = pixel_grid(*plane.shape)
    total = plane.copy()
    for step in range(-steps, steps + 1):
        if step:
            reach = np.float32(step * step_px)
            total += read_at(plane, columns + reach * flow.along_x, rows + reach * flow.along_y)
    return total / np.float32(2 * steps + 1)


def blur(picture: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Gaussian blur; pictures are mirrored at their borders."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101), np.float32)


def gradient(picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Change per pixel to the right and downwards (Sobel, scaled to unit gain)."""
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=0.125, borderType=cv2.BORDER_REFLECT_101)
    down = cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=0.125, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def steepness(plane: Plane) -> Plane:
    """Length of the gradient, change per pixel."""
    return length(*gradient(plane))


def length(x: Plane, y: Plane) -> Plane:
    """Length of the vectors (x, y).

    cv2.magnitude (by Intel IPP) rounds differently from place to place in an array, and where depends on the
    addresses of the arrays: the same photo would not always give the same bytes.
    """
    return np.sqrt(x * x + y * y)


def luma(picture: Colour) -> Plane:
    """Rec. 601 luma [height, width] of an RGB picture [height, width, 3]."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def read_at(picture: NDArray[np.float32], x: Plane, y: Plane) -> NDArray[np.float32]:
    """Values at fractional places, bilinear, mirrored beyond the border."""
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def pixel_grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Column and row of every pixel: shapes [1, width] and [height, 1], to be broadcast."""
    return np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]


def _channel_sum(picture: Colour) -> Plane:
    return np.asarray(cv2.transform(picture, np.ones((1, 3), np.float32)), np.float32)
