"""A stylizer for tests of clips: the negative, and something that happens before a certain frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pix2style.images import Image8
from pix2style.stylizer import Stylizer, StylizerIdentity


class Negative(Stylizer):
    """Turns a frame into its negative; `at` calls a function before a certain frame."""

    def __init__(self, at: tuple[int, Callable[[], None]] | None = None) -> None:
        self.count, self._at = 0, at

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("negative", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        if self._at and self.count == self._at[0]:
            self._at[1]()
        self.count += 1
        return [255 - image for image in images]
