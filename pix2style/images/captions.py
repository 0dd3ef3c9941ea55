"""A grid of images with a caption under each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pix2style.images.picture import Image8

_GAP_PX = 8
_SMALLEST_TEXT_PX = 11
_ELLIPSIS = "..."


def captioned_grid(images: Sequence[Image8], captions: Sequence[str], columns: int) -> Image8:
    """Arrange images row by row on white, each with its caption under it: uint8 [height, width, 3].

    Args:
        images: Images of about the same size; each is put in the middle of a cell as large as the largest.
        captions: One line for each image. What does not fit is shortened.
        columns: Number of images in a row.
    """
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    text_px = max(_SMALLEST_TEXT_PX, round(width / 20))
    font = ImageFont.load_default(text_px)
    step_y, step_x = height + 2 * text_px + _GAP_PX, width + _GAP_PX
    rows = -(-len(images) // columns)
    canvas = Image.new("RGB", (min(columns, len(images)) * step_x + _GAP_PX, rows * step_y + _GAP_PX), "white")
    draw = ImageDraw.Draw(canvas)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = _GAP_PX + number // columns * step_y, _GAP_PX + number % columns * step_x
        place = (left + (width - image.shape[1]) // 2, top + (height - image.shape[0]) // 2)
        canvas.paste(Image.fromarray(image), place)
        text = _shorten(caption, font, width)
        draw.text((left + width / 2, top + height + text_px), text, fill="black", font=font, anchor="mm")
    return np.array(canvas, dtype=np.uint8)


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Return the text, without so many characters in its middle that it fits into the width in pixels."""
    for kept in range(len(text), 0, -1):
        short = text if kept == len(text) else text[: (kept + 1) // 2] + _ELLIPSIS + text[len(text) - kept // 2 :]
        if font.getlength(short) <= width:
            return short
    return ""
