"""Stylize a photo tile by tile with the same result as for the whole photo, with the memory for one tile only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pix2style.images import Image8
from pix2style.light_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TileSpan:
    """Position of a tile along one axis, in pixels of the photo.

    Attributes:
        start: First pixel of the tile.
        keep_start: First pixel whose output is kept.
        keep_end: First pixel after those whose output is kept.
    """

    start: int
    keep_start: int
    keep_end: int


@dataclass(frozen=True, slots=True)
class SplitAxis:
    """One axis of a photo, split into tiles of equal length.

    Attributes:
        length: Length of every tile, a multiple of the filter's `size_multiple`. The last tile may reach beyond the
            photo.
        spans: The tiles. Their kept pixels cover the axis, each pixel once.
    """

    length: int
    spans: tuple[TileSpan, ...]


def split_axis(size: int, tile: int, *, multiple: int, margin: int) -> SplitAxis:
    """Split an axis such that the kept pixels of a tile are at least `margin` away from where the photo was cut.

    The output of pixels that are closer to a cut would be different for the whole photo. The border of the photo needs
    no margin. Tiles start at multiples of `multiple`, so that strided layers see the same grid as in the whole photo.
    All tiles are equally long, so that ONNX Runtime plans its memory only once, and no longer than their number
    requires.

    Args:
        size: Size of the photo along the axis, at least 1.
        tile: Number of pixels to keep of each tile, at least 1; it is rounded up to a multiple of `multiple`. A tile is
            longer by two margins.
        multiple: The filter's `size_multiple`.
        margin: The filter's `receptive_field_px`; it is rounded up to a multiple of `multiple`.
    """
    padded, margin = _round_up(size, multiple), _round_up(margin, multiple)
    count = max(1, -(-(padded - 2 * margin) // _round_up(tile, multiple)))
    if count == 1:
        return SplitAxis(padded, (TileSpan(0, 0, size),))
    step = _round_up(-(-(padded - 2 * margin) // count), multiple)
    length = step + 2 * margin
    starts = [min(number * step, padded - length) for number in range(count)]
    keep_ends = [*(start + length - margin for start in starts[:-1]), size]
    keep_starts = [0, *keep_ends]
    spans = (
        TileSpan(start, keep_start, min(keep_end, size))
        for start, keep_start, keep_end in zip(starts, keep_starts, keep_ends, strict=False)
        # Because of the rounding the last tile may hold only padding, or only pixels that the one before it keeps.
        if keep_start < size
    )
    return SplitAxis(length, tuple(spans))


def stylize_in_tiles(stylize: Callable[[Image8], Image8], photo: Image8, rows: SplitAxis, columns: SplitAxis) -> Image8:
    """Stylize a photo tile by tile and put the kept parts together.

    Args:
        stylize: Stylizes one tile, uint8 [height, width, 3]; the result has the same shape.
        photo: The photo, uint8 [height, width, 3].
        rows: The split of its height.
        columns: The split of its width.

    Returns:
        The stylized photo, uint8 [height, width, 3].
    """
    output = np.empty(photo.shape, np.uint8)
    for row in rows.spans:
        for column in columns.spans:
            tile = stylize(_crop_with_padding(photo, row.start, rows.length, column.start, columns.length))
            output[row.keep_start : row.keep_end, column.keep_start : column.keep_end] = tile[
                row.keep_start - row.start : row.keep_end - row.start,
                column.keep_start - column.start : column.keep_end - column.start,
            ]
    return output


def _crop_with_padding(photo: Image8, top: int, height: int, left: int, width: int) -> Image8:
    """Crop a photo; beyond its border repeat the last row or column, as filters themselves pad."""
    tile = photo[top : top + height, left : left + width]
    below, right = height - tile.shape[0], width - tile.shape[1]
    return np.pad(tile, ((0, below), (0, right), (0, 0)), mode="edge") if below or right else tile


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
