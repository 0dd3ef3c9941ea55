"""Stylizers whose every output byte is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from pix2style.images import Image8
from pix2style.stylizer import Stylizer, StylizerIdentity


class Negative(Stylizer):
    """Turns an image into its negative."""

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("negative", "1" * 64, ("2" * 64,), "CC0-1.0", {"speed": 3})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [255 - image for image in images]


@pytest.fixture
def negative() -> Stylizer:
    return Negative()


@pytest.fixture
def photo(photos: Callable[..., list[Image8]]) -> Image8:
    return photos(1, 60, 80)[0]
