"""Shrink photos before they are stylized: the results are smaller, and made faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pix2style.effects.effect import Effect
from pix2style.errors import ConfigError
from pix2style.images import Image8, Picture, fit_within, read_longer_side
from pix2style.images.resample import fit_picture
from pix2style.stylizer import Setting, Stylizer

_SMALLEST_SIDE_PX = 16


class MaxSide(Effect):
    """Stylizes photos whose longer side is at most so many pixels; larger photos are shrunk to it first.

    It is the only stylizer whose results may be smaller than the photos, so it belongs around all others.

    Args:
        inner: What stylizes the shrunk photos.
        max_side_px: Longer side of the results in pixels, at least 16.

    Raises:
        ConfigError: The side is smaller.
    """

    def __init__(self, inner: Stylizer, max_side_px: int) -> None:
        super().__init__(inner)
        if max_side_px < _SMALLEST_SIDE_PX:
            raise ConfigError(f"max-side is {max_side_px}: give at least {_SMALLEST_SIDE_PX} pixels")
        self._max_side_px = max_side_px

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The longer side."""
        return {"max_side": self._max_side_px}

    def for_source(self, path: Path) -> Stylizer:
        """Return the stylizer for a file: the inner one for a photo that is not larger, which it does not change."""
        longer_side_px = read_longer_side(path)
        fits = longer_side_px is not None and longer_side_px <= self._max_side_px
        return self.inner.for_source(path) if fits else super().for_source(path)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Shrink and stylize images; raises what the inner stylizer raises."""
        return self.inner.stylize([fit_within(image, self._max_side_px) for image in images])

    def stylize_picture(self, picture: Picture) -> Picture:
        """Shrink a picture with its transparency, and stylize it."""
        return self.inner.stylize_picture(fit_picture(picture, self._max_side_px))
