"""Original colours kept: the stylized picture gives the lightness, the photo gives the colours.

"Luminance-only transfer" of Gatys et al., Preserving color in neural artistic style transfer, 2016
(https://arxiv.org/abs/1606.05897), section 3.2, in CIE Lab (they use YIQ) and on the finished picture (they give the
luminance alone to the network as well).
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
    """Linear light of the 256 levels (IEC 61966-2-1, as in https://www.w3.org/Graphics/Color/srgb)."""
    levels = np.arange(256) / 255
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_levels()


def preserve_color(content: Image8, stylized: Image8) -> Image8:
    """The lightness of `stylized` with the colours (a and b of CIE Lab, sRGB, D65) of `content`.

    Where sRGB has no such colour (a saturated one made very light or dark), each of red, green and blue is clipped to
    its range: there both lightness and colour differ from what was asked for.

    Args:
        content: uint8 [height, width, 3], RGB.
        stylized: the same shape.

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        ValueError: the shapes differ.
    """
    if content.shape != stylized.shape:
        raise ValueError(f"the photo is {list(content.shape)}, the stylized picture {list(stylized.shape)}")
    lab = _to_lab(content)
    lab[..., 0] = _to_lab(stylized)[..., 0]
    rgb: Image8 = np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * np.float32(255)).astype(np.uint8)
    return rgb


class PreserveColor(Stylizer):
    """Another stylizer's strokes in each photo's own colours; see `preserve_color`.

    Args:
        inner: who paints. It keeps its name; `preserve_color` joins its settings.
    """

    def __init__(self, inner: Stylizer) -> None:
        self._inner = inner

    @property
    def identity(self) -> StylizerIdentity:
        """The inner stylizer's, with the setting `preserve_color`."""
        inner = self._inner.identity
        return replace(inner, settings={**inner.settings, "preserve_color": True})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`; raises what the inner stylizer raises."""
        painted = self._inner.stylize(images)
        return [preserve_color(image, one) for image, one in zip(images, painted, strict=True)]


def _to_lab(rgb: Image8) -> _Floats:
    """L in 0 to 100, a and b about -128 to 127.

    By linear light: OpenCV's direct way for floats interpolates in a table, which loses levels
    on the way there and back (test_its_own_colours_give_the_picture_back fails with it).
    """
    return np.asarray(cv2.cvtColor(_LINEAR[rgb], cv2.COLOR_LRGB2Lab), dtype=np.float32)
