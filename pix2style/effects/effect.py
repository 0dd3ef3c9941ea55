"""The base classes of effects, which are stylizers that wrap a stylizer."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from pix2style.images import Image8
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity


class Effect(Stylizer):
    """A stylizer that wraps another one, and is like it in all that it does not change itself.

    Args:
        inner: The wrapped stylizer. Its name stays; `settings` are added to the settings of its identity.

    Attributes:
        inner: The wrapped stylizer.
    """

    def __init__(self, inner: Stylizer) -> None:
        self.inner = inner

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Setting]:
        """All settings of this effect that change the result."""

    @property
    def identity(self) -> StylizerIdentity:
        """Identity of the inner stylizer, with the settings of this effect."""
        inner = self.inner.identity
        return replace(inner, settings={**inner.settings, **self.settings})

    @property
    def description(self) -> str:
        """Description of the inner stylizer."""
        return self.inner.description

    @property
    def strength(self) -> float:
        """Strength of the inner stylizer."""
        return self.inner.strength

    @property
    def grid_px(self) -> int:
        """Grid of the inner stylizer."""
        return self.inner.grid_px

    @property
    def takes_glimpse(self) -> bool:
        """Whether the inner stylizer takes a glimpse."""
        return self.inner.takes_glimpse

    def for_source(self, path: Path) -> Stylizer:
        """See `Stylizer.for_source`."""
        return self.around(self.inner.for_source(path))

    def copy_for_clips(self, frames_at_once: int = 1) -> Stylizer:
        """See `Stylizer.copy_for_clips`."""
        return self.around(self.inner.copy_for_clips(frames_at_once))

    def around(self, inner: Stylizer) -> Self:
        """Return this effect around another stylizer."""
        if inner is self.inner:
            return self
        copied = copy.copy(self)
        copied.inner = inner
        return copied


class PixelEffect(Effect):
    """An effect that computes each pixel from the same pixel of the photo and of the stylized photo.

    Clips are stylized on shifted and padded frames, and then get this effect on the frames themselves. So what it takes
    from the photo is that of the very frame, and what has a place in the frame, such as a mask, stays there.
    """

    @abstractmethod
    def combine(self, photo: Image8, stylized: Image8, alpha: Image8 | None = None) -> Image8:
        """Return the result of this effect.

        Args:
            photo: uint8 [height, width, 3].
            stylized: What the inner stylizer made of it; uint8 array of the same shape.
            alpha: Transparency of the photo, uint8 [height, width]; None if it has none.
        """

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`; raises what the inner stylizer raises."""
        stylized = self.inner.stylize(images)
        return [self.combine(image, output) for image, output in zip(images, stylized, strict=True)]

    def stylize_with_glimpse(self, image: Image8, glimpse: Image8 | None) -> Image8:
        """See `Stylizer.stylize_with_glimpse`."""
        return self.combine(image, self.inner.stylize_with_glimpse(image, glimpse))


def innermost(stylizer: Stylizer) -> Stylizer:
    """Return the stylizer inside of all effects around it."""
    while isinstance(stylizer, Effect):
        stylizer = stylizer.inner
    return stylizer


def split_pixel_effects(stylizer: Stylizer) -> tuple[Stylizer, list[PixelEffect]]:
    """Take the outermost pixel effects off a stylizer.

    Returns:
        The stylizer inside of them, and the effects in the order in which they are to be applied.
    """
    effects: list[PixelEffect] = []
    while isinstance(stylizer, PixelEffect):
        effects.insert(0, stylizer)
        stylizer = stylizer.inner
    return stylizer, effects
