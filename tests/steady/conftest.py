"""A scene to pan over, and a small lightweight filter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Image8, read_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer

_SAMPLES = Path(__file__).parents[2] / "pix2style" / "samples" / "photos"


@pytest.fixture(scope="session")
def scene() -> Callable[..., Image8]:
    """`scene(index)` returns a sample photo, uint8 [height, width, 3], larger than 300 x 300."""
    paths = sorted(_SAMPLES.glob("*.jpg"))
    return lambda index=0: read_picture(paths[index]).rgb


@pytest.fixture(scope="session")
def view(scene: Callable[..., Image8]) -> Callable[..., Image8]:
    """`view(down, right)` returns a window of a scene whose content has moved by so many pixels."""

    def cut(down: int, right: int, *, index: int = 0, height: int = 96, width: int = 128) -> Image8:
        top, left = 100 - down, 120 - right
        return np.ascontiguousarray(scene(index)[top : top + height, left : left + width])

    return cut


@pytest.fixture(scope="session")
def lite(lite_file: Callable[..., Path]) -> OnnxStylizer:
    return OnnxStylizer(lite_file(), threads=1)
