"""Contact sheets that programs can cut into their images again: a text in the PNG file describes what lies where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pix2style.errors import ImageError
from pix2style.images.decode import decode_picture
from pix2style.images.encode import write_png
from pix2style.images.file_content import read_image_file
from pix2style.images.picture import Image8
from pix2style.images.png import png_text
from pix2style.images.resample import Box, sheet, sheet_boxes
from pix2style.printable import text_of_file_name

_KEYWORD = "pix2style-sheet"
# A sheet of 200 rows has less. The limits keep a small file of a stranger from filling the memory.
_LONGEST_TEXT = 1 << 20

ColumnKind = Literal["photo", "target", "stylizer"]


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column of a contact sheet.

    Attributes:
        kind: What made its images: `photo` for the photos themselves, `target` for the teacher.
        name: Name of the stylizer.
        images: Its images, uint8 [height, width, 3], by the names of the photos.
    """

    kind: ColumnKind
    name: str
    images: dict[str, Image8]


def read_contact_sheet(path: Path) -> list[SheetColumn]:
    """Cut the images out of a contact sheet.

    Raises:
        ImageError: The file cannot be read, or has no description of its images.
    """
    data = read_image_file(path)
    text = png_text(data, _KEYWORD)
    if text is None:
        advice = "name folders of pictures, or a sheet as `pix2style eval --sheet` has written it"
        raise ImageError(str(path), f"is not a contact sheet, or another program has saved it anew: {advice}")
    pixels = decode_picture(data, name=str(path), to_srgb=True).on_white()
    try:
        if len(text) > _LONGEST_TEXT:
            raise ValueError("the text is too long")
        return _columns(json.loads(text), pixels)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ImageError(
            str(path), "the description of the sheet inside the file is damaged: write the sheet again"
        ) from error


def _columns(description: Any, pixels: Image8) -> list[SheetColumn]:
    # Sheets of earlier versions hold bytes of names that are no UTF-8, which other files cannot hold.
    names = [text_of_file_name(str(row["photo"])) for row in description["rows"]]
    places = [[Box(*map(int, box)) for box in row["boxes"]] for row in description["rows"]]
    rows = list(zip(names, places, strict=True))
    height, width = pixels.shape[:2]
    for box in (box for _, boxes in rows for box in boxes):
        inside = box.top + box.height <= height and box.left + box.width <= width
        if min(box.top, box.left) < 0 or min(box.height, box.width) < 1 or not inside:
            raise ValueError("a picture lies outside of the sheet")
    if not rows or sum(box.height * box.width for _, boxes in rows for box in boxes) > height * width:
        raise ValueError("there are no pictures, or they overlap")
    columns = []
    for i, column in enumerate(description["columns"]):
        images = {name: boxes[i].cut(pixels) for name, boxes in rows if i < len(boxes)}
        if column["kind"] not in ("photo", "target", "stylizer") or len(images) != len(rows) or "" in images:
            raise ValueError("a column is incomplete")
        columns.append(SheetColumn(column["kind"], text_of_file_name(str(column["name"])), images))
    return columns


def write_contact_sheet(path: Path, columns: Sequence[SheetColumn], headings: list[str]) -> None:
    """Write a contact sheet as a PNG file, with a text that says what lies where.

    Bytes of names that are no UTF-8 are written as escape sequences.

    Args:
        path: The file.
        columns: Columns of the sheet, with images of the same photos.
        headings: What is written above each column.

    Raises:
        DataError: The file cannot be written.
    """
    photos = list(columns[0].images)
    rows = [[column.images[name] for column in columns] for name in photos]
    boxes = [[(box.top, box.left, box.height, box.width) for box in row] for row in sheet_boxes(rows)]
    description = {
        "columns": [{"kind": column.kind, "name": text_of_file_name(column.name)} for column in columns],
        "rows": [{"photo": text_of_file_name(name), "boxes": row} for name, row in zip(photos, boxes, strict=True)],
    }
    written = sheet(rows, [text_of_file_name(heading) for heading in headings])
    write_png(path, written, {_KEYWORD: json.dumps(description)})
