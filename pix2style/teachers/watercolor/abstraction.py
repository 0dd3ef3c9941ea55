"""Abstract a photo into shapes that a brush of a given size can paint."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Colour = NDArray[np.float32]

# Kuwahara filter: number of sectors around a pixel, and the variance (of RGB in [0, 1], summed) that counts as noise of
# the camera.
_SECTORS = 8
_NOISE_VARIANCE = 2.2e-5
# Where squared gradients are below this (about 1 of 255 per pixel) an edge's direction means nothing.
_FLAT_GRADIENT = 2.5e-5


@dataclass(frozen=True, slots=True)
class Flow:
    """Direction of edges: unit tangent `along_x`, `along_y`, and `anisotropy` in [0, 1]; float32 [height, width]."""

    along_x: Plane
    along_y: Plane
    anisotropy: Plane


@dataclass(frozen=True, slots=True)
class Shapes:
    """A photo abstracted with a fine and with a broad brush; images are float32 [height, width, 3] in [0, 1].

    Attributes:
        sketch: Image after one pass of the fine brush; the pencil lines are computed from it.
        fine: Image after two passes of the fine brush.
        broad: `fine` after two more passes of the broad brush; the washes.
    """

    sketch: Colour
    fine: Colour
    broad: Colour


def find_shapes(photo: Colour, brush_radius_px: float) -> Shapes:
    """Abstract a photo, float32 [height, width, 3] in [0, 1], at two scales."""
    fine_px = 0.7 * brush_radius_px
    sketch = kuwahara(photo, edge_flow(photo, 2.0), fine_px)
    flow = edge_flow(sketch, 2.0)
    fine = kuwahara(sketch, flow, fine_px)
    broad = kuwahara(fine, flow, 1.5 * brush_radius_px)
    broad = kuwahara(broad, edge_flow(broad, 3.0), 1.3 * brush_radius_px)
    return Shapes(sketch, fine, broad)


def edge_flow(image: Colour, sigma_px: float) -> Flow:
    """Compute edge directions from the smoothed colour structure tensor.

    S. Di Zenzo, "A note on the gradient of a multi-image", CVGIP 1986, doi:10.1016/0734-189X(86)90223-9; smoothed and
    used for painting as in Kyprianidis et al. 2009 (see `kuwahara`).
    """
    across, down = gradient(blur(image, 0.8))
    e = blur(_channel_sum(across * across), sigma_px)
    f = blur(_channel_sum(across * down), sigma_px)
    g = blur(_channel_sum(down * down), sigma_px)
    difference, twice_f = e - g, 2 * f
    # The tangent is the eigenvector of the smaller eigenvalue: half of the tensor's angle, rotated by 90 degrees.
    angle = 0.5 * np.arctan2(twice_f, difference)
    spread = length(difference, twice_f)
    return Flow(-np.sin(angle), np.cos(angle), spread / (e + g + np.float32(_FLAT_GRADIENT)))


def kuwahara(image: Colour, flow: Flow, radius_px: float) -> Colour:
    """Flatten texture and preserve edges: each pixel gets the mean of the sectors around it that vary least.

    Anisotropic Kuwahara filtering (J. E. Kyprianidis, H. Kang, J. Doellner, "Image and video abstraction by anisotropic
    Kuwahara filtering", CGF 2009, doi:10.1111/j.1467-8659.2009.01574.x; the weighting by variance after G. Papari et
    al., "Artistic edge and corner enhancing smoothing", TIP 2007, doi:10.1109/TIP.2007.903912). The paper
    convolves with the weights of each sector. Here a sector is a Gaussian disc: means and variances need one blur, and
    are sampled at eight positions on an ellipse along the edge. This is faster and looks similar.
    """
    mean = blur(image, max(0.32 * radius_px, 0.5))
    variance = _channel_sum(blur(image * image, max(0.32 * radius_px, 0.5)) - mean * mean)
    source = np.dstack([mean, np.maximum(variance, 0)])
    columns, rows = pixel_grid(*flow.anisotropy.shape)
    stretch = 1 + np.float32(0.8) * flow.anisotropy
    long, short = np.float32(0.62 * radius_px) * stretch, np.float32(0.62 * radius_px) / stretch
    total = np.zeros_like(image)
    weights = np.zeros_like(variance)
    for sector in range(_SECTORS):
        turn = 2 * np.pi * sector / _SECTORS
        along, aside = long * np.float32(np.cos(turn)), short * np.float32(np.sin(turn))
        x = columns + along * flow.along_x - aside * flow.along_y
        y = rows + along * flow.along_y + aside * flow.along_x
        disc = sample_at(source, x, y)
        weight = 1 / (np.square(disc[..., 3]) + np.float32(_NOISE_VARIANCE**2))
        total += disc[..., :3] * weight[..., None]
        weights += weight
    return total / weights[..., None]


def smooth_along_edges(plane: Plane, flow: Flow, steps: int, step_px: float) -> Plane:
    """Average over `steps` samples in both directions along edges (line integral convolution with straight lines).

    H. Kang, S. Lee, C. K. Chui, "Coherent line drawing", NPAR 2007, doi:10.1145/1274871.1274878.
    """
    columns, rows = pixel_grid(*plane.shape)
    total = plane.copy()
    for step in range(-steps, steps + 1):
        if step:
            offset = np.float32(step * step_px)
            total += sample_at(plane, columns + offset * flow.along_x, rows + offset * flow.along_y)
    return total / np.float32(2 * steps + 1)


def blur(image: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Blur with a Gaussian; the image is mirrored at its borders."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101), np.float32)


def gradient(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the change per pixel to the right and downwards (Sobel, scaled to unit gain)."""
    across = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=0.125, borderType=cv2.BORDER_REFLECT_101)
    down = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=0.125, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def steepness(plane: Plane) -> Plane:
    """Return the length of the gradient, in change per pixel."""
    return length(*gradient(plane))


def length(x: Plane, y: Plane) -> Plane:
    """Return the lengths of the vectors (x, y).

    Not by cv2.magnitude: with Intel IPP its rounding depends on the addresses of the arrays in memory, so that the same
    photo would not always give the same bytes.
    """
    return np.sqrt(x * x + y * y)


def luma(image: Colour) -> Plane:
    """Return the Rec. 601 luma [height, width] of an RGB image [height, width, 3]."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def sample_at(image: NDArray[np.float32], x: Plane, y: Plane) -> NDArray[np.float32]:
    """Sample an image at fractional positions, by bilinear interpolation; it is mirrored at its borders."""
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def pixel_grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Return the column and row of every pixel, with shapes [1, width] and [height, 1], to be broadcast."""
    return np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]


def _channel_sum(image: Colour) -> Plane:
    return np.asarray(cv2.transform(image, np.ones((1, 3), np.float32)), np.float32)
