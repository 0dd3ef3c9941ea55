"""Masks: images whose white parts say where a photo is stylized."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ConfigError, DataError, ImageError
from pix2style.images import Image8, PillowImage, as_picture, decode_picture, is_pillow, read_image_file
from pix2style.images.levels import blur_levels, levels_of, resize_levels

_WHITE = 255
# Without a given width, the edge fades over this share of the photo's longer side: 10 pixels of 1024.
_FEATHER_SHARE = 0.01
# A Gaussian goes from 2 % to 98 % over about four standard deviations.
_FEATHER_SIGMAS = 4
_PIXELS_PER_STRIP = 100_000


@dataclass(frozen=True, slots=True)
class Edge:
    """How the levels of a mask become shares of the stylized photo.

    Attributes:
        feather_px: Width in pixels over which edges fade from photo to stylized photo; None for 1 % of the photo's
            longer side, 0 for edges as they are in the mask.
        is_inverted: Whether the photo is stylized where the mask is black.

    Raises:
        ConfigError: The width is no number from 0 on.
    """

    feather_px: float | None = None
    is_inverted: bool = False

    def __post_init__(self) -> None:
        """Check the width."""
        if self.feather_px is not None and not 0 <= self.feather_px < float("inf"):
            raise ConfigError(f"feather is {self.feather_px!r}: give a width in pixels, or 0 for edges as they are")

    @property
    def settings(self) -> dict[str, float | bool]:
        """What changes the result, for the identity of a stylizer."""
        inverted = {"mask_inverted": True} if self.is_inverted else {}
        return {**({} if self.feather_px is None else {"feather_px": float(self.feather_px)}), **inverted}

    def apply(self, levels: Image8) -> Image8:
        """Invert and feather levels that have the photo's size."""
        levels = _WHITE - levels if self.is_inverted else levels
        width = _FEATHER_SHARE * max(levels.shape) if self.feather_px is None else self.feather_px
        return blur_levels(levels, width / _FEATHER_SIGMAS)


class Mask:
    """A mask, which is decoded when it is first needed.

    Args:
        name: Name for messages.
        sha256: Digest of what it is made of.
        decode: Function that returns its levels, uint8 [height, width].
    """

    def __init__(self, name: str, sha256: str, decode: Callable[[], Image8]) -> None:
        self.name, self.sha256 = name, sha256
        self._decode = decode
        self._levels: Image8 | None = None
        self._fitted: tuple[object, Image8] | None = None

    @property
    def levels(self) -> Image8:
        """Levels of the mask, uint8 [height, width].

        Raises:
            DataError: It cannot be decoded.
        """
        if self._levels is None:
            self._levels = self._decode()
        return self._levels

    def shares(self, photo: Image8, edge: Edge) -> Image8:
        """Return the share of the stylized photo in each pixel of a photo, from 0 to 255: uint8 [height, width].

        Raises:
            DataError: The mask cannot be decoded, or has other proportions.
        """
        height, width = photo.shape[:2]
        key = (height, width, edge)
        fitted = self._fitted  # of the last photo; another thread may replace it
        if fitted is None or fitted[0] != key:
            fitted = key, edge.apply(resize_levels(self._checked(height, width), height, width))
            self._fitted = fitted
        return fitted[1]

    def _checked(self, height: int, width: int) -> Image8:
        own_height, own_width = self.levels.shape
        # Sizes that were made by scaling are rounded, so each side may be one pixel longer or shorter.
        if abs(own_width * height - own_height * width) > max(height, width, own_height, own_width):
            raise DataError(
                f"the mask {self.name} of {own_width}x{own_height} pixels does not fit {width}x{height} pixels: give a"
                " mask of the same proportions, upright as the photo is shown"
            )
        return self.levels

    def note(self, edge: Edge) -> str:
        """Return what a person should know about the mask; empty if it is usual."""
        brightest = int(self.levels.max())
        if edge.is_inverted or brightest > _WHITE // 2:
            return ""
        return f"the mask {self.name} is nowhere white (its brightest level is {brightest} of 255): hardly stylized"


def mask_of_file(path: Path) -> Mask:
    """Return the mask in an image file of any kind: its brightness, and black where it is transparent.

    Raises:
        ImageError: The file cannot be read.
    """
    data = read_image_file(path)

    def decode() -> Image8:
        try:
            return levels_of(decode_picture(data, name=str(path), to_srgb=True))
        except ImageError as error:
            raise DataError(f"the mask {path}: {error.reason}") from error

    return Mask(str(path), hashlib.sha256(data).hexdigest(), decode)


def mask_of_image(image: NDArray[np.generic] | PillowImage) -> Mask:
    """Return the mask that an array or a Pillow image of a caller is.

    Args:
        image: Array [height, width] of bool, uint8 (0 to 255) or floats (0 to 1), or uint8 [height, width, 3]; or a
            Pillow image.

    Raises:
        TypeError: It is something else.
    """
    if is_pillow(image):
        levels = levels_of(as_picture(image))
    elif not isinstance(image, np.ndarray):
        raise TypeError(
            f"a mask must be a path, 'alpha', an array [height, width] or a Pillow image, not {type(image).__name__}"
        )
    elif image.ndim == 3:
        levels = levels_of(as_picture(image))
    else:
        levels = _levels_of_array(image)
    return Mask("given", hashlib.sha256(repr(levels.shape).encode() + levels.tobytes()).hexdigest(), lambda: levels)


def _levels_of_array(image: NDArray[np.generic]) -> Image8:
    if image.ndim != 2 or 0 in image.shape:
        raise TypeError(f"a mask must have the shape [height, width], not {list(image.shape)}")
    if image.dtype == np.uint8:
        return image.astype(np.uint8)
    if image.dtype == np.bool_:
        return np.where(image, _WHITE, 0).astype(np.uint8)
    if np.issubdtype(image.dtype, np.floating) and image.min() >= 0 and image.max() <= 1:
        return np.rint(image.astype(np.float32) * _WHITE).astype(np.uint8)
    raise TypeError(f"a mask must be bool, uint8 (0 to 255) or floats from 0 to 1, not {image.dtype} of other values")


def blend_by_mask(photo: Image8, stylized: Image8, shares: Image8) -> Image8:
    """Compute round(photo + share * (stylized - photo)) with a share for each pixel, as `runtime.strength.blend` does.

    Share 0 gives exactly the photo, and 255 exactly the stylized photo.

    Args:
        photo: uint8 [height, width, 3].
        stylized: uint8 of the same shape.
        shares: uint8 [height, width]; 255 is all of the stylized photo.
    """
    blended = np.empty(photo.shape, np.uint8)
    rows = max(1, _PIXELS_PER_STRIP // photo.shape[1])
    for top in range(0, photo.shape[0], rows):
        strip = np.s_[top : top + rows]
        original = photo[strip].astype(np.float32)
        share = shares[strip, :, None].astype(np.float32) / np.float32(_WHITE)
        blended[strip] = np.rint(original + (stylized[strip] - original) * share)
    return blended
