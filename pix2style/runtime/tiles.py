"""A photo in tiles that are painted like parts of the whole: memory for one tile, whatever the photo's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pix2style.images import Image8


@dataclass(frozen=True, slots=True)
class Stretch:
    """A tile's part along one axis, in pixels of the photo.

    Attributes:
        start: where the tile begins.
        first: of the pixels that are kept.
        end: of the pixels that are kept; not included.
    """

    start: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Cut:
    """One axis of a photo, cut into tiles of the same length.

    Attributes:
        length: of every tile, a multiple of the grid; the last one may reach beyond the photo.
        stretches: whose kept pixels are the axis, each pixel once.
    """

    length: int
    stretches: tuple[Stretch, ...]


def cut(size: int, tile: int, *, multiple: int, margin: int) -> Cut:
    """Cut an axis so that what is kept of a tile lies `margin` pixels from its ends, or at the photo's own.

    Tiles begin at multiples of `multiple`, so that strided layers find the grid of the whole. They are equally long, so
    that ONNX Runtime plans its memory once; none is longer than needed for their number.

    Args:
        size: of the photo along the axis, at least 1.
        tile: pixels to keep of a tile, at least 1, rounded up to `multiple`; its length is `2 * margin` more.
        multiple: the filter's `size_multiple`.
        margin: the filter's `receptive_field_px`, rounded up to `multiple`.
    """
    padded, margin = _round_up(size, multiple), _round_up(margin, multiple)
    count = max(1, -(-(padded - 2 * margin) // _round_up(tile, multiple)))
    if count == 1:
        return Cut(padded, (Stretch(0, 0, size),))
    step = _round_up(-(-(padded - 2 * margin) // count), multiple)
    length = step + 2 * margin
    starts = [min(number * step, padded - length) for number in range(count)]
    ends = [*(start + length - margin for start in starts[:-1]), size]
    kept = zip(starts, [0, *ends], ends, strict=False)
    # Rounding can leave the last tile nothing but padding, or nothing that the one before did not keep.
    return Cut(length, tuple(Stretch(start, first, min(end, size)) for start, first, end in kept if first < size))


def paint_in_tiles(paint: Callable[[Image8], Image8], photo: Image8, rows: Cut, columns: Cut) -> Image8:
    """Paint a photo tile by tile, row by row, into one array.

    Args:
        paint: from a tile, uint8 [height, width, 3], to the same shape.
        photo: uint8 [height, width, 3].
        rows: the cut of its height.
        columns: the cut of its width.
    """
    painted = np.empty(photo.shape, np.uint8)
    for row in rows.stretches:
        for column in columns.stretches:
            tile = paint(_extended(photo, row.start, rows.length, column.start, columns.length))
            painted[row.first : row.end, column.first : column.end] = tile[
                row.first - row.start : row.end - row.start, column.first - column.start : column.end - column.start
            ]
    return painted


def _extended(photo: Image8, top: int, height: int, left: int, width: int) -> Image8:
    """Part of a photo; beyond its border stands its last row or column, as filters themselves pad."""
    tile = photo[top : top + height, left : left + width]
    below, right = height - tile.shape[0], width - tile.shape[1]
    return np.pad(tile, ((0, below), (0, right), (0, 0)), mode="edge") if below or right else tile


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
