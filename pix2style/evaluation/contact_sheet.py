"""A contact sheet: photo, target and the output of every stylizer side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pix2style.evaluation.evaluate import EvaluatedPhoto
from pix2style.images import Image8, Picture, sheet, write_picture

_MAX_HEADING_LENGTH = 24


class ContactSheet:
    """Collect the images of the first photos; an instance can be passed to `evaluate` as `on_photo`.

    Args:
        limit: Largest number of photos, each one row.
        headings: Headings of the columns; None for "photo", "target" and the names of the stylizers.
    """

    def __init__(self, limit: int = 8, headings: Sequence[str] | None = None) -> None:
        self._limit = limit
        self._headings = list(headings or ())
        self._rows: list[list[Image8]] = []

    def __call__(self, images: EvaluatedPhoto) -> None:
        """Add the images of one photo, unless the sheet is full."""
        if len(self._rows) >= self._limit:
            return
        self._headings = self._headings or ["photo", "target", *(_shorten(name) for name in images.stylized)]
        self._rows.append([images.photo, images.target, *images.stylized.values()])

    def write(self, path: Path) -> None:
        """Write the sheet as a PNG file.

        Raises:
            DataError: The file cannot be written.
        """
        write_picture(path, Picture(sheet(self._rows, self._headings)))


def _shorten(name: str) -> str:
    """Return the name with at most as many characters as fit above a column; the end of a path tells more."""
    return name if len(name) <= _MAX_HEADING_LENGTH else f"...{name[-_MAX_HEADING_LENGTH + 3 :]}"
