"""Files that come with pix2style and that quickstart uses: photos, a painting and configurations."""

from __future__ import annotations

from pathlib import Path

from pix2style.config.shipped import shipped_configs

_PACKAGE = Path(__file__).parents[2]


def sample_photos() -> Path:
    """Return the folder of free photos that comes with pix2style."""
    return _PACKAGE / "samples" / "photos"


def sample_painting() -> Path:
    """Return the painting that comes with pix2style, which is in the public domain."""
    return _PACKAGE / "samples" / "paintings" / "morisot-reading.jpg"


def bundled_config(name: str) -> Path:
    """Return the path of a configuration that comes with pix2style, for example of `finetune.yaml`."""
    return shipped_configs()[Path(name).stem]
