"""Preserve a photo's colours with numpy alone: lightness of the stylized image, colours of the photo.

It is what `pairs.preserve_color` does to the targets of a pair set (`teachers.color` has the source of the method), by
the same formulas of CIE Lab (D65), but without OpenCV, which the base installation does not have. Both agree within a
level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pix2style.effects.effect import PixelEffect
from pix2style.images import Image8, Picture, stylized_in, to_srgb
from pix2style.stylizer import Setting

_Floats = NDArray[np.float32]
_PIXELS_PER_STRIP = 16_384  # a strip's arrays fit the processor's cache
# Functions of linear light are read from tables of this many steps. The step is 0.04 of a level where sRGB is steepest.
_STEPS = 65_535
# Linear sRGB to CIE XYZ relative to the white point D65 (IEC 61966-2-1), with the digits that OpenCV has.
_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
) / np.array([[0.950456], [1.0], [1.088754]])
_TO_F = _TO_XYZ.T.astype(np.float32)
_FROM_F = np.linalg.inv(_TO_XYZ).T.astype(np.float32)
# CIE Lab: f(t) = cube root of t, and a straight line for dark t.
_DARK, _SLOPE, _OFFSET = 0.008856, 7.787, 16 / 116


def preserve_color(photo: Image8, stylized: Image8) -> Image8:
    """Combine the lightness of `stylized` with the colours (a and b of CIE Lab, D65) of `photo`.

    What sRGB does not contain is clipped, for example a saturated colour that becomes very light.

    Args:
        photo: uint8 [height, width, 3], sRGB.
        stylized: uint8 array of the same shape.
    """
    if photo.shape != stylized.shape:
        raise ValueError(f"the photo has shape {list(photo.shape)}, the stylized image {list(stylized.shape)}")
    result = np.empty(photo.shape, np.uint8)
    for strip in _strips(photo):
        # With the photo's a = 500 (f(x) - f(y)) and b = 200 (f(y) - f(z)), all three change by the change of f(y).
        f_photo = _f(_LINEAR[photo[strip]] @ _TO_F)
        f_stylized = _f(_LINEAR[stylized[strip]] @ _TO_F[:, 1:2])
        result[strip] = _encoded(_inverse_f(f_photo + (f_stylized - f_photo[..., 1:2])) @ _FROM_F)
    return result


class PreserveColor(PixelEffect):
    """Another stylizer with each photo's own colours; see `preserve_color`."""

    @property
    def settings(self) -> Mapping[str, Setting]:
        """See `Effect.settings`."""
        return {"preserve_color": True}

    @property
    def description(self) -> str:
        """Description of the inner stylizer, with the photo's colours."""
        return f"{self.inner.description}, in the photo's colours" if self.inner.description else ""

    def combine(self, photo: Image8, stylized: Image8, alpha: Image8 | None = None) -> Image8:
        """See `PixelEffect.combine`."""
        del alpha
        return preserve_color(photo, stylized)

    def stylize_picture(self, picture: Picture) -> Picture:
        """See `Stylizer.stylize_picture`. Colours of the photo that sRGB cannot hold are preserved, too."""
        in_srgb = to_srgb(picture.rgb, picture.icc_profile)
        [stylized] = self.stylize([in_srgb])
        return replace(picture, rgb=stylized_in(picture.icc_profile, picture.rgb, stylized, 0, in_srgb=in_srgb))


def _strips(image: Image8) -> Iterator[slice]:
    rows = max(1, _PIXELS_PER_STRIP // image.shape[1])
    return (slice(top, top + rows) for top in range(0, image.shape[0], rows))


def _f(xyz: _Floats) -> _Floats:
    return _F_TABLE[(xyz * _STEPS + np.float32(0.5)).astype(np.int32)]


def _inverse_f(f: _Floats) -> _Floats:
    dark = (f - np.float32(_OFFSET)) / np.float32(_SLOPE)
    return np.where(f > np.float32(_SLOPE * _DARK + _OFFSET), f * f * f, dark)


def _encoded(linear: _Floats) -> Image8:
    """Return linear light as 8-bit sRGB, clipped to its range."""
    return _LEVELS[(np.clip(linear, 0, 1) * _STEPS + np.float32(0.5)).astype(np.int32)]


def _linear_levels() -> _Floats:
    """Return the linear light of the 256 8-bit values."""
    levels = np.arange(256) / 255
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _f_table() -> _Floats:
    # Two steps more, because sums of rounded products may lie slightly above 1.
    t = np.arange(_STEPS + 3) / _STEPS
    return np.where(t > _DARK, np.cbrt(t), _SLOPE * t + _OFFSET).astype(np.float32)


def _levels_table() -> Image8:
    linear = np.arange(_STEPS + 1) / _STEPS
    levels = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    rounded: Image8 = np.rint(levels * 255).astype(np.uint8)
    return rounded


_LINEAR, _F_TABLE, _LEVELS = _linear_levels(), _f_table(), _levels_table()
