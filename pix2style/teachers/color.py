"""Preserve a photo's colours: take the lightness from the stylized image and the colours from the photo.

"Luminance-only transfer" of Gatys et al., Preserving color in neural artistic style transfer, 2016
(https://arxiv.org/abs/1606.05897), section 3.2. It differs from the paper in two ways: the colour space is CIE Lab and
not YIQ, and the network stylizes the photo in colour and not its luminance alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.stylizer import Stylizer, StylizerIdentity

_Floats = NDArray[np.float32]


def _linear_levels() -> _Floats:
    """Return the linear light of the 256 8-bit values (IEC 61966-2-1, as in https://www.w3.org/Graphics/Color/srgb)."""
    levels = np.arange(256) / 255
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_levels()


def preserve_color(content: Image8, stylized: Image8) -> Image8:
    """Combine the lightness of `stylized` with the colours (a and b of CIE Lab, sRGB, D65) of `content`.

    sRGB does not contain every combination, for example a saturated colour that becomes very light. Red, green and blue
    are then clipped to their range, so that lightness and colour both differ from the combination.

    Args:
        content: uint8 [height, width, 3], RGB.
        stylized: uint8 array of the same shape.

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        ValueError: If the shapes differ.
    """
    if content.shape != stylized.shape:
        raise ValueError(f"the photo has shape {list(content.shape)}, the stylized image {list(stylized.shape)}")
    lab = _to_lab(content)
    lab[..., 0] = _to_lab(stylized)[..., 0]
    rgb: Image8 = np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * np.float32(255)).astype(np.uint8)
    return rgb


class PreserveColor(Stylizer):
    """Another stylizer with each photo's own colours; see `preserve_color`.

    Args:
        inner: The stylizer that gives the lightness. Its name stays, and `preserve_color` is added to its settings.
    """

    def __init__(self, inner: Stylizer) -> None:
        self._inner = inner

    @property
    def identity(self) -> StylizerIdentity:
        """Identity of the inner stylizer, with the setting `preserve_color`."""
        inner = self._inner.identity
        return replace(inner, settings={**inner.settings, "preserve_color": True})

    @property
    def description(self) -> str:
        """Description of the inner stylizer."""
        return self._inner.description

    @property
    def grid_px(self) -> int:
        """Grid of the inner stylizer."""
        return self._inner.grid_px

    @property
    def takes_glimpse(self) -> bool:
        """Whether the inner stylizer takes a glimpse."""
        return self._inner.takes_glimpse

    def stylize_with_glimpse(self, image: Image8, glimpse: Image8 | None) -> Image8:
        """See `Stylizer.stylize_with_glimpse`."""
        return preserve_color(image, self._inner.stylize_with_glimpse(image, glimpse))

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`; raises what the inner stylizer raises."""
        stylized = self._inner.stylize(images)
        return [preserve_color(image, output) for image, output in zip(images, stylized, strict=True)]


def _to_lab(rgb: Image8) -> _Floats:
    """Convert to CIE Lab: L from 0 to 100, a and b from about -128 to 127.

    Through linear light with our own table, because OpenCV's direct conversion of floats interpolates in a table.
    Converting there and back then changes some 8-bit values, and test_an_image_with_its_own_colours_is_unchanged fails.
    """
    return np.asarray(cv2.cvtColor(_LINEAR[rgb], cv2.COLOR_LRGB2Lab), dtype=np.float32)
