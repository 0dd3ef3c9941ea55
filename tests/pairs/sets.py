"""Make small pair sets for tests, and damage them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2style.config.pairs import PairsConfig
from pix2style.images import Image8
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.stylizer import Stylizer, StylizerIdentity

from tint import write_photos  # isort: skip


class Negative(Stylizer):
    """A teacher that inverts, quantizes and tints a photo; its output is aligned with the photo.

    Args:
        tint: Value that is added to red; the result is clipped.
    """

    def __init__(self, tint: int = 30) -> None:
        self._tint = tint

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity(f"negative-{self._tint}", "b" * 64, ("a" * 64,), "Apache-2.0", {"tint": self._tint})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [np.clip((255 - i) // 16 * 16 + np.array([self._tint, 0, 0]), 0, 255).astype(np.uint8) for i in images]


def detailed_photo(index: int, height: int = 128, width: int = 128) -> Image8:
    """Return a photo of many random shapes, whose edges differ from those of every other index."""
    rng = np.random.default_rng(1000 + index)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    picture = np.full((height, width, 3), 0.5)
    for _ in range(40):
        cy, cx, a, b, turn = rng.uniform(0, 1), rng.uniform(0, 1), *rng.uniform(0.02, 0.2, 2), rng.uniform(0, 3)
        u, v = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn), (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        inside = (np.abs(u) < a) & (np.abs(v) < b) if index % 2 else (u / a) ** 2 + (v / b) ** 2 < 1
        picture[inside] = rng.uniform(0, 1, 3)
    return np.clip(picture * 255 + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def make_set(folder: Path, count: int = 12, teachers: Sequence[Stylizer] = (), **settings: object) -> Path:
    """Make a set of detailed photos in `folder/set`, with five pairs in each shard."""
    content = write_photos(folder / "photos", [detailed_photo(i) for i in range(count)])
    wanted = {"size": 96, "pairs_per_shard": 5, "val_share": 0.2, "test_share": 0.2, **settings}
    config = PairsConfig.model_validate({"content": (content,), **wanted})
    make_pairs(config, list(teachers) or Negative(), folder / "set")
    return folder / "set"


def change_byte(path: Path, offset: int) -> None:
    """Flip the lowest bit of one byte of a file."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
