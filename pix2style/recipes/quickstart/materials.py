"""Files that come with pix2style and that quickstart uses: photos, a painting and configurations."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[2]


def sample_photos() -> Path:
    """Return the folder of free photos that comes with pix2style."""
    return _PACKAGE / "samples" / "photos"


def sample_painting() -> Path:
    """Return the painting that comes with pix2style, which is in the public domain."""
    return _PACKAGE / "samples" / "paintings" / "morisot-reading.jpg"


def bundled_config(name: str) -> Path:
    """Return the path of a file in `configs/`, which lies beside the package in a checkout and inside a wheel."""
    candidates = (_PACKAGE.parent / "configs" / name, _PACKAGE / "configs" / name)
    return next((path for path in candidates if path.is_file()), _PACKAGE / name)
