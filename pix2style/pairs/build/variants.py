"""Vary photos before the teacher stylizes them, to make more pairs from few photos (`pairs.variants`).

A student that is trained on some hundred photos memorizes them. Augmenting finished pairs is no substitute for more
pairs: what a teacher makes of a mirrored or shifted photo is not its mirrored or shifted output, so such pairs teach
the student what the teacher never does. Here the photo is varied first, and the teacher stylizes the result.

A variation is drawn from the digest of the photo's file and the number of the variant only, so it does not depend on
workers, order, other photos or interrupted runs. Images are uint8 [height, width, 3] throughout. In this order they are

* mirrored left to right (with probability 0.5), mirrored top to bottom (0.15) and rotated by 90 degrees (0.2);
* rotated by up to 15 degrees (0.3), which keeps at most the inner 76 % and less of long strips, so that no corner is
  empty;
* scaled by 0.55 to 1.6 (uniform in the logarithm) relative to the scale of the photo's own pair, with the aspect ratio
  changed by up to e^0.15. No side becomes shorter than 192 pixels, or than the shorter side of the photo's own pair if
  that is less, so that training's crops still fit; with fit=crop no side becomes shorter than `size`;
* cropped at random to the size of the photo's own pair: at most as high and wide, `size` x `size` with fit=crop;
* changed in colour (0.6), see `ColourChange`; finally the channels red, green and blue are permuted (0.15).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from pix2style.files import sha256_bytes
from pix2style.images import Image8, resize_part, size_within, tilt
from pix2style.pairs.format.records import Fit, variant_suffix

_P_MIRROR, _P_FLIP, _P_QUARTER_TURN, _P_TILT, _P_COLOUR, _P_PERMUTE = 0.5, 0.15, 0.2, 0.3, 0.6, 0.15
_MAX_TILT_DEG = 15.0
_MAX_KEPT_SHARE = 0.76
_ZOOM_RANGE = (0.55, 1.6)
_MAX_LOG_ASPECT = 0.15
_MIN_SIDE_PX = 192
# More random numbers than are used. All of them are drawn first, so that each one always has the same purpose, whatever
# the others led to.
_RANDOM_NUMBERS = 32
_CHANNELS = (0, 1, 2)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class ColourChange:
    """A change of colours for values from 0 to 1, applied in this order and clipped at the end only.

    Attributes:
        gamma: Exponent of the values, from exp(-0.5) to exp(0.5).
        saturation: Factor of the distance to the grey of the same luma, from 0.4 to 1.5.
        contrast: Factor of the distance to the image's mean, from 0.7 to 1.3.
        brightness: Summand, from -0.1 to 0.1.
        gains: Factors of red, green and blue, from 0.85 to 1.15.
    """

    gamma: float
    saturation: float
    contrast: float
    brightness: float
    gains: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Variation:
    """The parameters of a variant; they apply to photos of any size.

    Attributes:
        mirrored: Whether the photo is mirrored left to right.
        upside_down: Whether the photo is mirrored top to bottom.
        quarter_turned: Whether the photo is rotated by 90 degrees counterclockwise.
        tilt_deg: Further rotation in degrees counterclockwise; 0 for none.
        zoom: Scale relative to that of the photo's own pair.
        aspect: Factor of width divided by height.
        top: Vertical position of the crop, from 0 (topmost) to below 1 (lowest).
        left: Horizontal position of the crop, from 0 (leftmost) to below 1 (rightmost).
        colours: Change of colours, or None to keep them.
        channels: Indices of the channels that become red, green and blue.
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
    """Draw the variation of a variant.

    Args:
        sha256: SHA-256 of the photo's file.
        variant: Number of the variant, from 1.
    """
    seed = int(sha256_bytes(f"{sha256}{variant_suffix(variant)}".encode()), 16)
    drawn: list[float] = np.random.default_rng(seed).random(_RANDOM_NUMBERS).tolist()
    numbers = iter(drawn)

    def happens(probability: float) -> bool:
        return next(numbers) < probability

    def between(low: float, high: float) -> float:
        return low + (high - low) * next(numbers)

    # The order of these lines assigns the random numbers, so it must never change.
    mirrored, upside_down, quarter_turned = happens(_P_MIRROR), happens(_P_FLIP), happens(_P_QUARTER_TURN)
    tilted, tilt_deg = happens(_P_TILT), between(-_MAX_TILT_DEG, _MAX_TILT_DEG)
    zoom = math.exp(between(*map(math.log, _ZOOM_RANGE)))
    aspect = math.exp(between(-_MAX_LOG_ASPECT, _MAX_LOG_ASPECT))
    top, left = between(0, 1), between(0, 1)
    coloured = happens(_P_COLOUR)
    colours = ColourChange(
        gamma=math.exp(between(-0.5, 0.5)),
        saturation=between(0.4, 1.5),
        contrast=between(0.7, 1.3),
        brightness=between(-0.1, 0.1),
        gains=(between(0.85, 1.15), between(0.85, 1.15), between(0.85, 1.15)),
    )
    permuted, other_orders = happens(_P_PERMUTE), list(permutations(_CHANNELS))[1:]
    order = other_orders[int(between(0, len(other_orders)))]
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
        channels=order if permuted else _CHANNELS,
    )


def pair_size(height_px: int, width_px: int, size_px: int, fit: Fit) -> tuple[int, int]:
    """Return height and width of the photo's own pair in pixels.

    Args:
        height_px: Height of the photo in pixels.
        width_px: Width of the photo in pixels.
        size_px: Size of the pair's images in pixels; `fit` says which side it is.
        fit: Whether photos are cropped to a square, resized, or kept in their own size.
    """
    if fit == "crop":
        return size_px, size_px
    return size_within(height_px, width_px, size_px) if fit == "fit" else (height_px, width_px)


def apply_variation(rgb: Image8, variation: Variation, size_px: int, fit: Fit) -> Image8:
    """Make a variant of a photo.

    Args:
        rgb: The whole photo, uint8 [height, width, 3].
        variation: Parameters of the variant.
        size_px: Size of the pair's images in pixels; `fit` says which side it is.
        fit: Whether photos are cropped to a square, resized, or kept in their own size.

    Returns:
        uint8 [height, width, 3]: `size_px` squared with fit=crop, otherwise at most as high and wide as `pair_size`.
    """
    cropped = _scale_and_crop(_rotate(rgb, variation), variation, rgb.shape[:2], size_px, fit)
    if variation.colours is not None:
        cropped = _change_colours(cropped, variation.colours)
    return np.ascontiguousarray(cropped[..., variation.channels])


def _rotate(rgb: Image8, variation: Variation) -> Image8:
    if variation.mirrored:
        rgb = rgb[:, ::-1]
    if variation.upside_down:
        rgb = rgb[::-1]
    if variation.quarter_turned:
        rgb = np.rot90(rgb)
    return tilt(rgb, variation.tilt_deg, most_share=_MAX_KEPT_SHARE) if variation.tilt_deg else rgb


def _scale_and_crop(rgb: Image8, variation: Variation, photo: tuple[int, ...], size_px: int, fit: Fit) -> Image8:
    """Scale and crop in one step from the pixels of the file, so that only the crop is computed."""
    max_height, max_width = pair_size(photo[0], photo[1], size_px, fit)
    scale = variation.zoom * (size_px / min(photo) if fit == "crop" else max(max_height, max_width) / max(photo))
    min_side_px = size_px if fit == "crop" else min(max_height, max_width, _MIN_SIDE_PX)
    height, width = _scaled_size(rgb.shape[:2], scale, variation.aspect, min_side_px)
    crop_height, crop_width = min(height, max_height), min(width, max_width)
    top, left = int(variation.top * (height - crop_height + 1)), int(variation.left * (width - crop_width + 1))
    # The box of the crop in pixels of the file. Rounding may put its lower right corner outside by a fraction.
    y_scale, x_scale = rgb.shape[0] / height, rgb.shape[1] / width
    bottom = min((top + crop_height) * y_scale, rgb.shape[0])
    right = min((left + crop_width) * x_scale, rgb.shape[1])
    return resize_part(rgb, (top * y_scale, left * x_scale, bottom, right), crop_height, crop_width)


def _scaled_size(size: tuple[int, ...], scale: float, aspect: float, min_side_px: int) -> tuple[int, int]:
    height, width = size[0] * scale / math.sqrt(aspect), size[1] * scale * math.sqrt(aspect)
    enlarge = max(1.0, min_side_px / min(height, width))
    return max(min_side_px, round(height * enlarge)), max(min_side_px, round(width * enlarge))


def _change_colours(rgb: Image8, colours: ColourChange) -> Image8:
    gamma_table = ((np.arange(256) / 255) ** colours.gamma).astype(np.float32)
    values: NDArray[np.float32] = gamma_table[rgb]
    grey: NDArray[np.float32] = (values @ _LUMA)[..., None]
    values = grey + np.float32(colours.saturation) * (values - grey)
    mean = values.mean(dtype=np.float64).astype(np.float32)
    values = mean + np.float32(colours.contrast) * (values - mean)
    values = (values + np.float32(colours.brightness)) * np.array(colours.gains, np.float32)
    varied: Image8 = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    return varied
