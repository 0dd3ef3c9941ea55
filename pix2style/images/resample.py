"""Other sizes, and sheets of pictures side by side."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pix2style.images.picture import Image8


def resize(rgb: Image8, height: int, width: int) -> Image8:
    """Resample to `height` x `width`, antialiased.

    Shrinking takes Hamming's window, which Pillow's documentation puts level with bicubic there: it is as sharp as
    pictures need to be, without Lanczos's halos, in half of its time (make-pairs shares the processor with a teacher).
    Enlarging takes Lanczos.
    """
    if rgb.shape[:2] == (height, width):
        return rgb
    return resize_part(rgb, (0, 0, *rgb.shape[:2]), height, width)


def resize_part(rgb: Image8, part: tuple[float, float, float, float], height: int, width: int) -> Image8:
    """Resample a rectangle of a picture to `height` x `width`, as `resize`; the rest of the picture costs nothing.

    Args:
        rgb: uint8 [height, width, 3].
        part: top, left, bottom and right in pixels, inside of the picture; fractions are taken as they are.
        height: of the result.
        width: of the result.
    """
    top, left, bottom, right = part
    shrinks = height <= bottom - top and width <= right - left
    window = Image.Resampling.HAMMING if shrinks else Image.Resampling.LANCZOS
    box = (left, top, right, bottom)
    return np.array(Image.fromarray(rgb).resize((width, height), window, box), dtype=np.uint8)


def fit_within(rgb: Image8, side: int) -> Image8:
    """Shrink so that the longer side is at most `side`; a smaller picture stays as it is."""
    height, width = rgb.shape[:2]
    return resize(rgb, *size_within(height, width, side))


def size_within(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width of a picture that `fit_within` has shrunk."""
    scale = side / max(height, width)
    return (height, width) if scale >= 1 else (max(1, round(height * scale)), max(1, round(width * scale)))


def crop_to_square(rgb: Image8, side: int) -> Image8:
    """The largest square in the middle, scaled: uint8 [side, side, 3].

    Only the square is scaled, so that a long strip does not become gigabytes on its way.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return resize(rgb[top : top + short, left : left + short], side, side)


def sheet(rows: list[list[Image8]], headings: list[str], *, gap_px: int = 8, heading_px: int = 18) -> Image8:
    """Rows of equally many pictures under headings, on white: uint8 [height, width, 3].

    Pictures of a row share the height of its first one.
    """
    scaled = [
        [resize(one, row[0].shape[0], max(1, round(one.shape[1] * row[0].shape[0] / one.shape[0]))) for one in row]
        for row in rows
    ]
    columns = [max(row[i].shape[1] for row in scaled) for i in range(len(headings))]
    top = heading_px + 2 * gap_px
    canvas = Image.new(
        "RGB",
        (sum(columns) + gap_px * (len(columns) + 1), top + sum(r[0].shape[0] + gap_px for r in scaled)),
        "white",
    )
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(heading_px)
    for i, heading in enumerate(headings):
        draw.text((gap_px + sum(columns[:i]) + gap_px * i, gap_px), heading, fill="black", font=font)
    for row in scaled:
        for i, one in enumerate(row):
            canvas.paste(Image.fromarray(one), (gap_px + sum(columns[:i]) + gap_px * i, top))
        top += row[0].shape[0] + gap_px
    return np.array(canvas, dtype=np.uint8)
