"""Held-out photos: figures and the grid, by the very function that runs filters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2style.images import Image8, Picture, sheet, write_picture
from pix2style.images.difference import psnr_db
from pix2style.nets.generator import Generator
from pix2style.pairs.manifest import PairEntry
from pix2style.pairs.reader import PairReader
from pix2style.runs.stylizer import stylize_with


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Figures against the teacher's pictures, on rounded bytes as they ship.

    Attributes:
        l1_levels: mean absolute difference, in levels of 0..255.
        psnr_db: mean over photos, in dB.
        photos: how many.
    """

    l1_levels: float
    psnr_db: float
    photos: int


def validate(
    generator: Generator, reader: PairReader, entries: list[PairEntry], *, grid: Path, grid_photos: int
) -> ValidationReport:
    """Stylize held-out photos, measure, and write the grid (content, stylized, target).

    Args:
        generator: in evaluation mode.
        reader: the pair set.
        entries: the photos; at least one.
        grid: the PNG to write.
        grid_photos: how many of them it shows.
    """
    shown: list[list[Image8]] = []
    l1, psnr = [], []
    for entry in entries:
        content, target = reader.read(entry)
        [stylized] = stylize_with(generator, [content])
        l1.append(float(np.abs(stylized.astype(np.float64) - target).mean()))
        psnr.append(psnr_db(stylized, target))
        if len(shown) < grid_photos:
            shown.append([content, stylized, target])
    write_picture(grid, Picture(sheet(shown, ["content", "stylized", "target (teacher)"])))
    return ValidationReport(float(np.mean(l1)), float(np.mean(psnr)), len(entries))
