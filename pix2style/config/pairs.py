"""The section `pairs`: which photos, which teacher, what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pix2style.config.section import Section


class PairsConfig(Section):
    """Photos and a teacher become a pair set; `train` reads it from `path`."""

    path: Path | None = None
    """The pair set's folder: written by make-pairs, read by train and eval."""
    content: tuple[Path, ...] = ()
    """Folders or files of content photos, scanned recursively."""
    teacher: Literal["watercolor", "magenta"] = "watercolor"
    """Who paints: the built-in watercolour, or Google Magenta's arbitrary stylization."""
    style: Path | None = None
    """The painting; the magenta teacher needs one."""
    module: str | None = None
    """For magenta: a local SavedModel folder, or another TF-Hub address than the default."""
    size: int = Field(256, ge=32, le=4096)
    """Side of the square pairs in pixels: the photo's shorter side is scaled to it, and the middle is cut out."""
    format: Literal["png", "jpeg"] = "png"
    """How pictures are stored: png is lossless, jpeg (quality 95, 4:4:4) is a fifth of the size."""
    val_share: float = Field(0.05, ge=0, lt=1)
    """Share of photos for the validation grid, chosen by a hash of the file's content."""
    test_share: float = Field(0.05, ge=0, lt=1)
    """Share of photos that nothing but eval reads, chosen by the same hash."""
    pairs_per_shard: int = Field(256, ge=1, le=100_000)
    """Pairs in one tar file."""
    batch: int = Field(4, ge=1, le=256)
    """Photos that the teacher paints at once."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.val_share + self.test_share >= 1:
            raise ValueError("val_share and test_share together leave nothing to train on")
        return self
