"""Fixtures for tests of the studio: one with a filter whose every output byte is known, and photos as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from pix2style.images import Image8
from pix2style.studio.studio import Studio
from pix2style.studio.uploads import Kind, Upload


@pytest.fixture
def studio(red_filter: Path, tmp_path: Path) -> Iterator[Studio]:
    with Studio([str(red_filter)], tmp_path / "kept") as opened:
        yield opened


@pytest.fixture
def photo_file(photos: Callable[..., list[Image8]], tmp_path: Path) -> Path:
    """A PNG file of 60 x 44 pixels, so that what comes back is known exactly."""
    path = tmp_path / "a photo.png"
    Image.fromarray(photos(1, 44, 60)[0]).save(path)
    return path


@pytest.fixture
def add(studio: Studio) -> Callable[..., Upload]:
    """`add(path, kind="photo", name=None)`: uploads a file."""

    def upload(path: Path, kind: Kind = "photo", name: str | None = None) -> Upload:
        with studio.uploads.begin(kind, name or path.name) as receiver:
            receiver.write(path.read_bytes())
            return receiver.complete()

    return upload
