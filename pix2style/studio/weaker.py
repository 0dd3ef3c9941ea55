"""Strength for stylizers that have none of their own: runs and teachers."""

from __future__ import annotations

from collections.abc import Mapping

from pix2style.effects.effect import PixelEffect
from pix2style.images import Image8
from pix2style.runtime.strength import blend
from pix2style.stylizer import Setting, Stylizer


class Weaker(PixelEffect):
    """Another stylizer, mixed with the photo.

    Args:
        inner: The stylizer.
        strength: Its share, from 0 (the photo) to 1.
    """

    def __init__(self, inner: Stylizer, strength: float) -> None:
        super().__init__(inner)
        self._strength = strength

    @property
    def settings(self) -> Mapping[str, Setting]:
        """See `Effect.settings`."""
        return {"strength": self._strength}

    @property
    def strength(self) -> float:
        """Share of the stylizer in the outputs."""
        return self._strength

    def combine(self, photo: Image8, stylized: Image8, alpha: Image8 | None = None) -> Image8:
        """See `PixelEffect.combine`."""
        del alpha
        blended: Image8 = blend(photo[None], stylized[None], self._strength)[0]
        return blended
