"""Fixtures for tests of the blind test: folders of pictures, and votes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pix2style.judge.votes import Vote

PHOTOS = ("castle", "dog", "sea")


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """`make_folder("a", 40)`: a folder with a picture of each photo, whose red channel is 40."""

    def make(
        name: str, red: int, photos: Sequence[str] = PHOTOS, size: tuple[int, int] = (20, 30), suffix: str = ".png"
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for i, photo in enumerate(photos):
            pixels = np.full((*size, 3), (red, 10 * i, 0), np.uint8)
            Image.fromarray(pixels).save(folder / f"{photo}{suffix}")
        return folder

    return make


@pytest.fixture
def make_vote() -> Callable[..., Vote]:
    """`make_vote("a", "b", "left")`: a vote; further arguments replace its other fields."""
    count = 0

    def make(left: str, right: str, answer: str, **fields: Any) -> Vote:
        nonlocal count
        count += 1
        usual = {
            "id": f"vote-{count}",
            "time": "2026-11-29T12:00:00.000+00:00",
            "judge": "anna",
            "question": "better",
            "photo": "castle",
            "teacher": None,
            "showing": 1,
            "seconds": 2.0,
            "left_sha256": left * 3,
            "right_sha256": right * 3,
            "seed": 0,
            "version": "1",
        }
        return Vote(left=left, right=right, answer=answer, **{**usual, **fields})  # type: ignore[arg-type]

    return make
