"""The validation grid: one picture with a row for each photo, and content, output and target side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2style.images import Image8, Picture, sheet, write_picture
from pix2style.pairs.format.records import PairRecord

# More columns would be too wide to look at. The metrics cover all styles nevertheless.
_MAX_STYLES = 4


@dataclass(frozen=True, slots=True)
class GridCell:
    """Images of one photo in one style.

    Attributes:
        content: The photo.
        stylized: The generator's output.
        target: The target; None if the photo has no target in this style.
    """

    content: Image8
    stylized: Image8
    target: Image8 | None


class ValidationGrid:
    """Collects the images of a grid and writes it.

    The columns are the content, and then for each style the output, and the target if any photo has one.

    Args:
        entries: Entries that are validated.
        photos: Number of photos to show: the first ones.
        style_names: Names of the styles, in their order; the first four are shown. An empty name stands for the only
            style of a run.
    """

    def __init__(self, entries: Sequence[PairRecord], photos: int, style_names: Sequence[str]) -> None:
        self._style_names = tuple(style_names)[:_MAX_STYLES]
        shown = list(dict.fromkeys(entry.sha256 for entry in entries))[:photos]
        self._rows: dict[str, dict[int, GridCell]] = {sha256: {} for sha256 in shown}
        self._photo_styles = {(entry.sha256, entry.style) for entry in entries}

    def needs(self, entry: PairRecord, style: int) -> bool:
        """Whether the grid still lacks the photo in this style, and the photo has no entry of this style."""
        row = self._rows.get(entry.sha256)
        has_own_entry = (entry.sha256, style) in self._photo_styles
        return row is not None and style < len(self._style_names) and style not in row and not has_own_entry

    def add(self, entry: PairRecord, style: int, cell: GridCell) -> None:
        """Add the images of a photo in one style; ignored if the grid does not show them."""
        row = self._rows.get(entry.sha256)
        if row is not None and style < len(self._style_names):
            row[style] = cell

    def write(self, path: Path) -> None:
        """Write the grid as a picture file."""
        rows = list(self._rows.values())
        headings, images = ["photo"], [[next(iter(row.values())).content] for row in rows]
        for style, name in enumerate(self._style_names):
            has_targets = any(row[style].target is not None for row in rows)
            headings += [name or "stylized", *(["target (teacher)"] if has_targets else [])]
            for line, row in zip(images, rows, strict=True):
                line.append(row[style].stylized)
                if has_targets:
                    target = row[style].target
                    line.append(target if target is not None else np.full_like(line[0], 255))
        write_picture(path, Picture(sheet(images, headings)))
