"""A gallery with small filters, so that what is tested does not depend on those that come with pix2style."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pix2style.gallery import folder as gallery_folder

from plain_filters import write_filter  # isort: skip

CARD: dict[str, Any] = {
    "title": "Dark Negative",
    "summary": "Light turns into darkness.",
    "painting": {
        "title": "Red",
        "artist": "Anna Ancher",
        "year": "1890",
        "source": "a test",
        "licence": "public domain",
        "sha256": "3" * 64,
    },
    "teacher": {"name": "watercolor", "source": "pix2style", "licence": "Apache-2.0"},
    "licence": "CC0-1.0",
    "photos": {"list": "photos.md", "count": 2, "licences": ["CC0-1.0"]},
    "figures": {
        "held_out_photos": 2,
        "psnr_db": 24.5,
        "ssim": 0.8,
        "gram_distance": 0.1,
        "float_psnr_db": 42.0,
        "shift_error": 0.02,
        "noise_gain": 1.5,
    },
    "limits": ["It is a test."],
}


@pytest.fixture
def small_gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a gallery with the filters negative and second, in an empty working folder."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    for name in ("negative", "second"):
        write_filter(folder / f"{name}.onnx", name=name)
        (folder / f"{name}.json").write_text(json.dumps(CARD))
    monkeypatch.setattr(gallery_folder, "FOLDER", folder)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


@pytest.fixture
def write_card(small_gallery: Path) -> Callable[..., Path]:
    """`write_card(key=value)` writes the card of the filter `second`; None leaves the key out."""

    def write(**changes: object) -> Path:
        path = small_gallery / "second.json"
        path.write_text(json.dumps({key: value for key, value in (CARD | changes).items() if value is not None}))
        return path

    return write
