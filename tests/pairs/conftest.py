from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.images import Image8

from tint import write_photos  # isort: skip


@pytest.fixture
def content(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    """A folder with twelve photos in two subfolders."""
    return write_photos(tmp_path / "content", photos(12))


@pytest.fixture
def config(content: Path) -> PairsConfig:
    return PairsConfig(content=(content,), size=32, pairs_per_shard=5, batch=3)
