"""A contact sheet: photo, target and the output of every stylizer side by side.

A text in the PNG file says what lies where, so that programs can cut the images out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pix2style.evaluation.evaluate import EvaluatedPhoto
from pix2style.images import Image8
from pix2style.images.contact_sheet import SheetColumn, write_contact_sheet

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
        self._photos: list[str] = []
        self._stylizers: list[str] = []

    def __call__(self, images: EvaluatedPhoto) -> None:
        """Add the images of one photo, unless the sheet is full."""
        if len(self._rows) >= self._limit:
            return
        self._stylizers = list(images.stylized)
        self._headings = self._headings or ["photo", "target", *map(_shorten, self._stylizers)]
        self._rows.append([images.photo, images.target, *images.stylized.values()])
        # Photos of several folders may share a name.
        self._photos.append(
            images.name if images.name not in self._photos else f"{images.name} ({len(self._photos) + 1})"
        )

    def write(self, path: Path, *, teacher: str = "target") -> None:
        """Write the sheet as a PNG file, with a text for `read_contact_sheet`.

        Args:
            path: The file.
            teacher: Name of what made the targets.

        Raises:
            DataError: The file cannot be written.
        """
        teacher = "target" if teacher in self._stylizers else teacher
        images = [dict(zip(self._photos, column, strict=True)) for column in zip(*self._rows, strict=True)]
        columns = [
            SheetColumn("photo", "photo", images[0]),
            SheetColumn("target", teacher, images[1]),
            *(SheetColumn("stylizer", name, of) for name, of in zip(self._stylizers, images[2:], strict=True)),
        ]
        write_contact_sheet(path, columns, self._headings)


def _shorten(name: str) -> str:
    """Return the name with at most as many characters as fit above a column; the end of a path tells more."""
    return name if len(name) <= _MAX_HEADING_LENGTH else f"...{name[-_MAX_HEADING_LENGTH + 3 :]}"
