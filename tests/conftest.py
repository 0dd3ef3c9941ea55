"""What every test may use: real input where it lies, and photos made on the spot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Image8

ASSETS = Path(os.environ.get("PIX2STYLE_ASSETS", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder with real photos, paintings and networks; skips where it is absent."""
    if not (ASSETS / "data" / "content").is_dir():
        pytest.skip(f"no assets at {ASSETS}: set PIX2STYLE_ASSETS")
    return ASSETS


def make_photo(index: int, height: int = 48, width: int = 64) -> Image8:
    """A synthetic photo with smooth ground, edges and texture; the same index gives the same picture."""
    rng = np.random.default_rng(index)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    ground = np.stack([np.sin(6 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))], axis=-1)
    picture = 0.5 + 0.25 * ground
    for _ in range(4):
        cy, cx, r = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.05, 0.3)
        picture[(y - cy) ** 2 + (x - cx) ** 2 < r**2] = rng.uniform(0, 1, 3)
    picture += rng.normal(0, 0.03, picture.shape)
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photos() -> Callable[..., list[Image8]]:
    """`photos(n, height, width)`: n deterministic synthetic photos."""

    def build(count: int, height: int = 48, width: int = 64) -> list[Image8]:
        return [make_photo(i, height, width) for i in range(count)]

    return build
