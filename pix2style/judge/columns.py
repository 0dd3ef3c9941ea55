"""Pictures of one stylizer, or photos, by the names of their photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.images import Image8, read_picture
from pix2style.printable import text_of_file_name

_SHOWN_NAMES = 5
# Rounding of a shrunk photo's sides changes their ratio by less.
_LARGEST_DIFFERENCE_OF_SHAPES = 0.02


@dataclass(slots=True)
class Column:
    """The pictures of one stylizer, or the photos.

    Attributes:
        name: Name of the stylizer.
        images: Files, or images uint8 [height, width, 3], by the names of their photos without suffix.
    """

    name: str
    images: dict[str, Path | Image8]

    def read(self, photo: str) -> Image8:
        """Return the picture of a photo, on white and in sRGB."""
        return read_on_white(self.images[photo])


def read_on_white(image: Path | Image8) -> Image8:
    """Return a picture on white and in sRGB.

    Raises:
        ImageError: Its file cannot be read.
    """
    return read_picture(image, to_srgb=True).on_white() if isinstance(image, Path) else image


def photo_name(name: str) -> str:
    """Return the name of a photo, by which pictures are matched: that of its file without the suffix."""
    return text_of_file_name(str(PurePosixPath(name).with_suffix("")))


def have_same_shape(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether two sizes, each height and width, have the same proportions."""
    return abs(first[0] * second[1] / (first[1] * second[0]) - 1) <= _LARGEST_DIFFERENCE_OF_SHAPES


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")
