"""Resize and crop images, and arrange several on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from pix2style.images.picture import WHITE, Image8, Picture
from pix2style.light_dataclass import dataclass


def resize(rgb: Image8, height: int, width: int) -> Image8:
    """Resize an image to `height` x `width` pixels, with antialiasing.

    Shrinking uses Pillow's Hamming filter. Pillow's documentation rates its quality like bicubic for shrinking; it
    shows no halos as Lanczos does, and takes half the time, which counts because make-pairs shares the processor with
    the teacher. Enlarging uses Lanczos.
    """
    if rgb.shape[:2] == (height, width):
        return rgb
    return resize_part(rgb, (0, 0, *rgb.shape[:2]), height, width)


def resize_part(rgb: Image8, part: tuple[float, float, float, float], height: int, width: int) -> Image8:
    """Resize a rectangle of an image to `height` x `width` as `resize` does, without touching the rest of the image.

    Args:
        rgb: uint8 [height, width, 3].
        part: Top, left, bottom and right of the rectangle in pixels, inside the image. Fractions of pixels are allowed.
        height: Height of the result in pixels.
        width: Width of the result in pixels.
    """
    top, left, bottom, right = part
    shrinks = height <= bottom - top and width <= right - left
    window = Image.Resampling.HAMMING if shrinks else Image.Resampling.LANCZOS
    box = (left, top, right, bottom)
    return np.array(Image.fromarray(rgb).resize((width, height), window, box), dtype=np.uint8)


def fit_within(rgb: Image8, side: int) -> Image8:
    """Shrink an image so that its longer side has at most `side` pixels; a smaller image is returned unchanged."""
    height, width = rgb.shape[:2]
    return resize(rgb, *size_within(height, width, side))


def fit_picture(picture: Picture, side: int) -> Picture:
    """Shrink a picture as `fit_within` does, with its transparency: hidden colours do not show at its borders."""
    height, width = size_within(picture.rgb.shape[0], picture.rgb.shape[1], side)
    if picture.alpha is None or picture.alpha.shape == (height, width):
        return replace(picture, rgb=resize(picture.rgb, height, width))
    # Pillow multiplies colours by their transparency before it averages them.
    whole = Image.fromarray(np.dstack([picture.rgb, picture.alpha]))
    shrunk = np.array(whole.resize((width, height), Image.Resampling.HAMMING))
    rgb, alpha = np.ascontiguousarray(shrunk[..., :3]), np.ascontiguousarray(shrunk[..., 3])
    rgb[alpha == 0] = WHITE
    return replace(picture, rgb=rgb, alpha=alpha)


def resize_shorter_side(rgb: Image8, side: int) -> Image8:
    """Shrink or enlarge an image so that its shorter side has `side` pixels."""
    height, width = rgb.shape[:2]
    scale = side / min(height, width)
    return resize(rgb, max(side, round(height * scale)), max(side, round(width * scale)))


def size_within(height: int, width: int, side: int) -> tuple[int, int]:
    """Return the height and width that `fit_within` gives for an image of `height` x `width` pixels."""
    scale = side / max(height, width)
    return (height, width) if scale >= 1 else (max(1, round(height * scale)), max(1, round(width * scale)))


def crop_to_square(rgb: Image8, side: int) -> Image8:
    """Cut the largest central square out of an image and resize it: uint8 [side, side, 3].

    The square is cut before it is resized, so that a very long strip is never enlarged as a whole to gigabytes.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return resize(rgb[top : top + short, left : left + short], side, side)


def center_in_square(rgb: Image8, side: int) -> Image8:
    """Shrink an image to at most `side` pixels, and put it in the middle of a white square: uint8 [side, side, 3]."""
    small = fit_within(rgb, side)
    height, width = small.shape[:2]
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = small
    return square


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, rgb: Image8) -> Image8:
        """Return a copy of this part of an image."""
        return rgb[self.top : self.top + self.height, self.left : self.left + self.width].copy()


_SHEET_GAP_PX, _SHEET_HEADING_PX = 8, 18


def sheet(rows: list[list[Image8]], headings: list[str]) -> Image8:
    """Arrange rows of images under column headings on white: uint8 [height, width, 3].

    All rows have the same number of images. The images of a row are resized to the height of its first image.
    """
    from PIL import ImageDraw, ImageFont  # filters need no fonts

    boxes = sheet_boxes(rows)
    right, bottom = max(row[-1].left + row[-1].width for row in boxes), boxes[-1][0].top + boxes[-1][0].height
    canvas = Image.new("RGB", (right + _SHEET_GAP_PX, bottom + _SHEET_GAP_PX), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(_SHEET_HEADING_PX)
    for heading, box in zip(headings, boxes[0], strict=True):
        draw.text((box.left, _SHEET_GAP_PX), heading, fill="black", font=font)
    for row, places in zip(rows, boxes, strict=True):
        for one, box in zip(row, places, strict=True):
            canvas.paste(Image.fromarray(resize(one, box.height, box.width)), (box.left, box.top))
    return np.array(canvas, dtype=np.uint8)


def sheet_boxes(rows: Sequence[Sequence[Image8]]) -> list[list[Box]]:
    """Return where `sheet` places each image of its rows."""
    heights = [row[0].shape[0] for row in rows]
    sizes = [
        [max(1, round(one.shape[1] * height / one.shape[0])) for one in row]
        for row, height in zip(rows, heights, strict=True)
    ]
    columns = [max(widths) for widths in zip(*sizes, strict=True)]
    lefts = [_SHEET_GAP_PX * (i + 1) + sum(columns[:i]) for i in range(len(columns))]
    tops = [_SHEET_HEADING_PX + _SHEET_GAP_PX * (i + 2) + sum(heights[:i]) for i in range(len(heights))]
    return [
        [Box(top, left, height, width) for left, width in zip(lefts, widths, strict=True)]
        for top, height, widths in zip(tops, heights, sizes, strict=True)
    ]
