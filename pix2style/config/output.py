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
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    """How the file keeps its weights; int8 (the lightweight generator alone) also computes in 8 bits."""
    calibration_photos: int = Field(64, ge=1, le=4096)
    """Training photos on which the ranges of 8 bits are measured; few leave out what smooth or dark ones need."""
    held_out_photos: int = Field(12, ge=1, le=4096)
    """Photos on which the file is measured."""
    int8_min_psnr_db: float = Field(30.0, ge=0)
    """A file of 8 bits is kept if, on held-out photos, it is at least so close to the network in float32."""


class EvalConfig(Section):
    """Stylizers on held-out photos."""

    photos: tuple[Path, ...] = ()
    """Folders or files; nothing: the pair set's test split."""
    max_side: int = Field(512, ge=32, le=8192)
    """Larger photos of a folder are shrunk to this longer side first."""
