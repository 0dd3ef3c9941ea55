"""The sections `export` and `eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pix2style.config.section import Section


class ExportConfig(Section):
    """The filter file."""

    licence: str = "unspecified"
    """Written into the file: the licence under which you give it away. The pairs' photos and paintings bound it."""
    weights: Literal["ema", "raw"] = "ema"
    """The averaged weights, or the last ones."""


class EvalConfig(Section):
    """Stylizers on held-out photos."""

    photos: tuple[Path, ...] = ()
    """Folders or files; nothing: the pair set's test split."""
    max_side: int = Field(512, ge=32, le=8192)
    """Larger photos of a folder are shrunk to this longer side first."""
