"""The image types, and the only conversion between bytes and floats in [-1, 1]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pix2style.images.metadata import PictureMetadata
from pix2style.light_dataclass import dataclass

Image8 = NDArray[np.uint8]
_Numbers = TypeVar("_Numbers", bound=Any)
WHITE = 255
_HALF_RANGE = 127.5


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded, upright image with its transparency and colour profile.

    Attributes:
        rgb: uint8 [height, width, 3]. Fully transparent pixels are white, so that their hidden colours never show.
        alpha: uint8 [height, width], or None if the image has no transparency.
        icc_profile: ICC profile of the RGB values, or None for sRGB.
        lossless: Whether the file is a WebP or AVIF without loss, which is to stay one.
        notes: What a person should know about how the file was read, for example that it is HDR.
        metadata: What a file that is written of it keeps of its metadata; None if that is nothing.
    """

    rgb: Image8
    alpha: Image8 | None = None
    icc_profile: bytes | None = None
    lossless: bool = False
    notes: tuple[str, ...] = ()
    metadata: PictureMetadata | None = None

    def on_white(self) -> Image8:
        """Return the image composited on white: uint8 [height, width, 3]."""
        if self.alpha is None:
            return self.rgb
        share = self.alpha[..., None].astype(np.float32) / WHITE
        return np.rint(self.rgb * share + WHITE * (1 - share)).astype(np.uint8)


def to_signed(levels: _Numbers) -> _Numbers:
    """Convert floats from [0, 255] to [-1, 1]. Works on numpy arrays and on torch tensors.

    `round(to_signed(b) * 127.5 + 127.5) == b` holds for all 256 values (tested).
    """
    signed: _Numbers = levels / _HALF_RANGE - 1
    return signed


def from_signed(values: NDArray[np.floating[Any]]) -> Image8:
    """Convert floats from [-1, 1] to uint8, rounding to nearest (pix2pix truncates, which darkens by half a level)."""
    levels: Image8 = np.clip(np.rint(values * _HALF_RANGE + _HALF_RANGE), 0, WHITE).astype(np.uint8)
    return levels


def to_batch(images: Iterable[Image8]) -> NDArray[np.float32]:
    """Stack uint8 images [height, width, 3] of equal size to float32 [batch, 3, height, width] in [-1, 1]."""
    stacked = np.stack(list(images)).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(to_signed(stacked.astype(np.float32)))


def from_batch(batch: NDArray[np.floating[Any]]) -> list[Image8]:
    """Convert [batch, 3, height, width] in [-1, 1] to a list of uint8 images [height, width, 3]."""
    return list(np.ascontiguousarray(from_signed(batch).transpose(0, 2, 3, 1)))
