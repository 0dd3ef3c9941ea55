"""Resize and crop images, and arrange several on one sheet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from pix2style.images.picture import WHITE, Image8, Picture


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


def sheet(rows: list[list[Image8]], headings: list[str], *, gap_px: int = 8, heading_px: int = 18) -> Image8:
    """Arrange rows of images under column headings on white: uint8 [height, width, 3].

    All rows have the same number of images. The images of a row are resized to the height of its first image.
    """
    from PIL import ImageDraw, ImageFont  # filters need no fonts

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
