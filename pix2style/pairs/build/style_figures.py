"""Measure how much of its photos a teacher keeps and how much it changes them, without any network.

Structure is compared by edges, because a style changes colours and brightness, but hardly where the edges of the large
shapes run. As in `pix2style.pairs.check.edge_field`, an image becomes a field of doubled edge directions, so that an
edge from dark to bright equals one from bright to dark. Two fields are compared pixel by pixel; all photos together
give one correlation, in which photos without edges hardly count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8, fit_within

Verdict = Literal["overpowered", "unchanged", "weak", "good"]

# Images are reduced to this longer side, so that the figures depend on the picture and not on its number of pixels.
_SIDE_PX, _COLOR_SIDE_PX = 192, 48
# Blur in pixels of an image of that size; smaller images are blurred less.
_SHAPES_BLUR_PX, _DETAILS_BLUR_PX, _MIN_BLUR_PX = 4.0, 1.0, 0.5
_Floats = NDArray[np.float32]
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# sRGB to XYZ with the white point D65 (IEC 61966-2-1), transposed for row vectors; below _LAB_LINEAR Lab is linear.
_RGB_TO_XYZ = np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
_WHITE_XYZ, _LAB_LINEAR = _RGB_TO_XYZ.sum(axis=0), (6 / 29) ** 3
# Gradients far below this value, in levels per pixel, are noise and JPEG artefacts of a flat area.
_NOISE_GRADIENT = 0.05
# Difference in CIE Lab at which the colours count as replaced: photos of different scenes are 40 to 50 apart.
_OTHER_COLORS = 50.0
# Limits of the words. They follow what people see on sheets of 26 paintings at three strengths, with two networks
# (benchmarks/LOG.md, 2026-11-29).
_LITTLE_STRUCTURE, _MOST_STRUCTURE = 0.43, 0.6
_NO_STYLE, _WEAK_STYLE, _STRONG_STYLE = 0.26, 0.35, 0.52


@dataclass(frozen=True, slots=True)
class StyleFigures:
    """How much of the photos stays, and how much changes.

    Attributes:
        structure: Correlation of the edges of the large shapes (about 2 % of the image's side): 1 if all stay, about 0
            for targets that have nothing to do with their photos.
        style: Mean of the change of colours and the loss of the photo's fine edges, from 0 (unchanged) to 1.
    """

    structure: float
    style: float

    @property
    def verdict(self) -> Verdict:
        """Whether the style overpowers the photos, hardly changes them, is weak, or neither."""
        if self.structure < _LITTLE_STRUCTURE:
            return "overpowered"
        return "unchanged" if self.style < _NO_STYLE else "weak" if self.style < _WEAK_STYLE else "good"

    @property
    def words(self) -> str:
        """Both figures in words."""
        return f"{self._structure_words} ({self.structure:.2f} of 1); {self._style_words} ({self.style:.2f} of 1)"

    @property
    def _structure_words(self) -> str:
        if self.structure >= _MOST_STRUCTURE:
            return "most of the photos' structure stays"
        if self.structure >= _LITTLE_STRUCTURE:
            return "the large shapes of the photos stay"
        return "little of the photos' structure stays"

    @property
    def _style_words(self) -> str:
        if self.style < _NO_STYLE:
            return "the photos hardly change"
        word = "weak" if self.style < _WEAK_STYLE else "clear" if self.style < _STRONG_STYLE else "strong"
        return f"the style is {word}"


def measure_style(contents: Sequence[Image8], targets: Sequence[Image8]) -> StyleFigures:
    """Compare photos with their targets.

    Args:
        contents: Photos, uint8 [height, width, 3]; at least one.
        targets: Target of each photo, of the photo's size.
    """
    pairs = [
        (fit_within(one, _SIDE_PX), fit_within(other, _SIDE_PX)) for one, other in zip(contents, targets, strict=True)
    ]
    color = float(np.mean([_color_difference(*pair) for pair in pairs]))
    lost_details = 1 - max(0.0, _edge_correlation(pairs, _DETAILS_BLUR_PX))
    return StyleFigures(_edge_correlation(pairs, _SHAPES_BLUR_PX), (min(color / _OTHER_COLORS, 1) + lost_details) / 2)


def _edge_correlation(pairs: Sequence[tuple[Image8, Image8]], blur_px: float) -> float:
    """Return the correlation of edge directions over all pairs together; 1 if the photos have no edges to lose."""
    fields = [
        (_doubled_directions(content, blur_px), _doubled_directions(target, blur_px)) for content, target in pairs
    ]
    content_energy, target_energy = (sum(float(np.vdot(pair[i], pair[i]).real) for pair in fields) for i in (0, 1))
    if content_energy < 1:  # less than one clear edge pixel in all photos
        return 1.0
    common = sum(float(np.vdot(content, target).real) for content, target in fields)
    return common / max(float(np.sqrt(content_energy * target_energy)), 1e-9)


def _doubled_directions(rgb: Image8, blur_px: float) -> NDArray[np.complexfloating[Any, Any]]:
    gray = _blur(rgb.astype(np.float32) @ _LUMA, max(_MIN_BLUR_PX, blur_px * max(rgb.shape) / _SIDE_PX))
    gx, gy = _differences(gray)
    magnitude = np.hypot(gx, gy)
    field: NDArray[np.complexfloating[Any, Any]] = (gx + 1j * gy) ** 2
    field /= magnitude * (magnitude + magnitude.mean()) + _NOISE_GRADIENT**2
    return field


def _differences(gray: _Floats) -> tuple[_Floats, _Floats]:
    """Return the gradient of a gray image, to the right and downwards, by central differences."""
    padded = np.pad(gray, 1, mode="edge") * np.float32(0.5)
    return padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]


def _color_difference(content: Image8, target: Image8) -> float:
    """Return the mean CIE76 difference of the images without their details."""
    first, second = (_lab(fit_within(rgb, _COLOR_SIDE_PX)) for rgb in (content, target))
    return float(np.mean(np.linalg.norm(first - second, axis=2)))


def _blur(image: _Floats, sigma_px: float) -> _Floats:
    """Blur the rows and columns of a gray image with a Gaussian; the border is repeated."""
    radius = math.ceil(3 * sigma_px)
    offsets = np.arange(-radius, radius + 1)
    window = np.exp(-(offsets**2) / (2 * sigma_px**2)).astype(np.float32)
    window /= window.sum()
    for axis in (0, 1):
        padding = [(radius, radius) if i == axis else (0, 0) for i in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding, mode="edge"), len(window), axis)
        image = np.einsum("yxk,k->yx", windows, window)
    return image


def _lab(rgb: Image8) -> _Floats:
    """Convert sRGB to CIE Lab (D65): L from 0 to 100."""
    values = rgb.astype(np.float32) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    x, y, z = np.moveaxis(linear @ _RGB_TO_XYZ / _WHITE_XYZ, 2, 0)
    x, y, z = (np.where(v > _LAB_LINEAR, np.cbrt(v), v / (3 * (6 / 29) ** 2) + 4 / 29) for v in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=2).astype(np.float32)
