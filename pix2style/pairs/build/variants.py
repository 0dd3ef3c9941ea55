"""Varied copies of a photo, for a teacher to paint: more pairs of few photos (`pairs.variants`).

A student of some hundred photos learns them by heart. Mirroring or cutting a finished pair is no substitute for more: a
teacher paints a mirrored or shifted photo otherwise than it mirrors or shifts its painting, so such pairs teach what no
teacher paints. Here the photo is varied first, and the teacher paints what came out.

A variation is drawn from the digest of the photo's file and the variant's number, and from nothing else: workers,
order, other photos and interrupted runs have no say. Pictures are uint8 [height, width, 3] throughout. In turn they are

* mirrored (half of them), put upside down (0.15) and turned by a quarter (0.2);
* tilted by up to 15 degrees (0.3), of which at most the inner 76 % are kept, less of long strips: no corner is empty;
* scaled by 0.55 to 1.6 (evenly by the logarithm) relative to what the photo's own pair shows, and by up to e^0.15 in
  their aspect; but no side becomes shorter than 192 pixels, or than the shorter side of the photo's own pair where that
  is less, so that training's crops still fit in; with fit=crop no shorter than `size`;
* cut by chance to what the photo's own pair measures: at most that high and wide, `size` x `size` with fit=crop;
* given other colours (0.6): see `ColourChange`; and last, other channels for red, green and blue (0.15).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from pix2style.files import sha256_bytes
from pix2style.images import Image8, resize_part, size_within, tilt
from pix2style.pairs.format.manifest import Fit, variant_suffix

_MIRRORED, _UPSIDE_DOWN, _QUARTER_TURNED, _TILTED, _COLOURED, _PERMUTED = 0.5, 0.15, 0.2, 0.3, 0.6, 0.15
_MOST_TILT_DEG = 15.0
_MOST_KEPT_SHARE = 0.76
_ZOOM = (0.55, 1.6)
_ASPECT = 0.15
_LEAST_PX = 192
# More numbers than are used. All are drawn before the first one is looked at, so none depends on the others' outcomes.
_NUMBERS = 32
_CHANNELS = (0, 1, 2)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class ColourChange:
    """Other colours for a picture with values from 0 to 1: changed in this order, and clipped only at the end.

    Attributes:
        gamma: the exponent, exp(-0.5) to exp(0.5).
        saturation: 0.4 to 1.5 times the distance from the grey of the same lightness.
        contrast: 0.7 to 1.3 times the distance from the picture's mean.
        brightness: -0.1 to 0.1, added.
        gains: red, green and blue times 0.85 to 1.15.
    """

    gamma: float
    saturation: float
    contrast: float
    brightness: float
    gains: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Variation:
    """What is done to a photo; of any size.

    Attributes:
        mirrored: left and right change places.
        upside_down: top and bottom change places.
        quarter_turned: by 90 degrees.
        tilt_deg: counterclockwise; 0: not at all.
        zoom: relative to what the photo's own pair shows.
        aspect: width by height, relative to the photo.
        top: where the cut lies between the topmost place, 0, and the lowest one, below 1.
        left: likewise.
        colours: None: they stay.
        channels: which of the channels become red, green and blue.
    """

    mirrored: bool
    upside_down: bool
    quarter_turned: bool
    tilt_deg: float
    zoom: float
    aspect: float
    top: float
    left: float
    colours: ColourChange | None
    channels: tuple[int, ...]


def draw_variation(sha256: str, variant: int) -> Variation:
    """The variation that makes a variant.

    Args:
        sha256: of the photo's file.
        variant: its number, from 1.
    """
    seed = int(sha256_bytes(f"{sha256}{variant_suffix(variant)}".encode()), 16)
    drawn: list[float] = np.random.default_rng(seed).random(_NUMBERS).tolist()
    numbers = iter(drawn)

    def happens(share: float) -> bool:
        return next(numbers) < share

    def between(low: float, high: float) -> float:
        return low + (high - low) * next(numbers)

    mirrored, upside_down, quarter_turned = happens(_MIRRORED), happens(_UPSIDE_DOWN), happens(_QUARTER_TURNED)
    tilted, tilt_deg = happens(_TILTED), between(-_MOST_TILT_DEG, _MOST_TILT_DEG)
    zoom, aspect = math.exp(between(*map(math.log, _ZOOM))), math.exp(between(-_ASPECT, _ASPECT))
    top, left = between(0, 1), between(0, 1)
    coloured = happens(_COLOURED)
    colours = ColourChange(
        gamma=math.exp(between(-0.5, 0.5)),
        saturation=between(0.4, 1.5),
        contrast=between(0.7, 1.3),
        brightness=between(-0.1, 0.1),
        gains=(between(0.85, 1.15), between(0.85, 1.15), between(0.85, 1.15)),
    )
    permuted, others = happens(_PERMUTED), list(permutations(_CHANNELS))[1:]
    other = others[int(between(0, len(others)))]
    return Variation(
        mirrored=mirrored,
        upside_down=upside_down,
        quarter_turned=quarter_turned,
        tilt_deg=tilt_deg if tilted else 0.0,
        zoom=zoom,
        aspect=aspect,
        top=top,
        left=left,
        colours=colours if coloured else None,
        channels=other if permuted else _CHANNELS,
    )


def pair_size(height_px: int, width_px: int, size_px: int, fit: Fit) -> tuple[int, int]:
    """Height and width of a photo's own pair, from those of the photo."""
    if fit == "crop":
        return size_px, size_px
    return size_within(height_px, width_px, size_px) if fit == "fit" else (height_px, width_px)


def apply_variation(rgb: Image8, variation: Variation, size_px: int, fit: Fit) -> Image8:
    """Make a variant.

    Args:
        rgb: the photo as read, uint8 [height, width, 3].
        variation: what is done to it.
        size_px: of the pictures, as `fit` says.
        fit: as for the photo itself.

    Returns:
        uint8 [height, width, 3]: with fit=crop `size_px` squared, else at most as high and wide as `pair_size`.
    """
    cut = _scaled_and_cut(_turned(rgb, variation), variation, rgb.shape[:2], size_px, fit)
    if variation.colours is not None:
        cut = _recoloured(cut, variation.colours)
    return np.ascontiguousarray(cut[..., variation.channels])


def _turned(rgb: Image8, variation: Variation) -> Image8:
    if variation.mirrored:
        rgb = rgb[:, ::-1]
    if variation.upside_down:
        rgb = rgb[::-1]
    if variation.quarter_turned:
        rgb = np.rot90(rgb)
    return tilt(rgb, variation.tilt_deg, most_share=_MOST_KEPT_SHARE) if variation.tilt_deg else rgb


def _scaled_and_cut(rgb: Image8, variation: Variation, photo: tuple[int, ...], size_px: int, fit: Fit) -> Image8:
    """Only what is kept is scaled, once, from the pixels of the file."""
    most_height, most_width = pair_size(photo[0], photo[1], size_px, fit)
    scale = variation.zoom * (size_px / min(photo) if fit == "crop" else max(most_height, most_width) / max(photo))
    least_px = size_px if fit == "crop" else min(most_height, most_width, _LEAST_PX)
    height, width = _scaled_size(rgb.shape[:2], scale, variation.aspect, least_px)
    kept_height, kept_width = min(height, most_height), min(width, most_width)
    top, left = int(variation.top * (height - kept_height + 1)), int(variation.left * (width - kept_width + 1))
    down, across = rgb.shape[0] / height, rgb.shape[1] / width
    bottom = min((top + kept_height) * down, rgb.shape[0])
    right = min((left + kept_width) * across, rgb.shape[1])
    return resize_part(rgb, (top * down, left * across, bottom, right), kept_height, kept_width)


def _scaled_size(size: tuple[int, ...], scale: float, aspect: float, least_px: int) -> tuple[int, int]:
    height, width = size[0] * scale / math.sqrt(aspect), size[1] * scale * math.sqrt(aspect)
    enlarge = max(1.0, least_px / min(height, width))
    return max(least_px, round(height * enlarge)), max(least_px, round(width * enlarge))


def _recoloured(rgb: Image8, colours: ColourChange) -> Image8:
    levels = ((np.arange(256) / 255) ** colours.gamma).astype(np.float32)
    values: NDArray[np.float32] = levels[rgb]
    grey: NDArray[np.float32] = (values @ _LUMA)[..., None]
    values = grey + np.float32(colours.saturation) * (values - grey)
    mean = values.mean(dtype=np.float64).astype(np.float32)
    values = mean + np.float32(colours.contrast) * (values - mean)
    values = (values + np.float32(colours.brightness)) * np.array(colours.gains, np.float32)
    varied: Image8 = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    return varied
