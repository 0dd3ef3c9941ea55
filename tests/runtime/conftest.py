"""Fixtures for tests of the runtime: a filter with a known output, and photos as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pix2style.images import Image8
from pix2style.runtime.onnx_stylizer import OnnxStylizer


@pytest.fixture(scope="session")
def stylizer(red_filter: Path) -> OnnxStylizer:
    return OnnxStylizer(red_filter)


@pytest.fixture
def photo(photos: Callable[..., list[Image8]]) -> Image8:
    return photos(1, 30, 45)[0]


@pytest.fixture
def save() -> Callable[..., Path]:
    """`save(path, image, **options)` writes an array or Pillow image and returns the path; options of the format."""

    def write(path: Path, image: Image8 | Image.Image, **options: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
        return path

    return write
