"""The command `pix2style sheet`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.app import app
from pix2style.cli.common_options import JsonOption, complete_filter
from pix2style.cli.terminal import json_text
from pix2style.plural import counted
from pix2style.printable import printable


@app.command("sheet")
def sheet_command(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", help="The sheet, an image file such as sheet.jpg; one that exists is replaced."),
    ],
    filters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILTERS...",
            autocompletion=complete_filter,
            help="Names that `pix2style gallery` lists, filter files, and folders of filter files, for example"
            " great-wave mine.onnx. Default: the whole gallery.",
        ),
    ] = None,
    strengths: Annotated[
        str,
        typer.Option(
            metavar="S,S,...", help="Strengths of the style, from 0 to 1: a cell for each of them, for example 0.5,1."
        ),
    ] = "1",
    columns: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Number of cells in a row, for example 4. Default: by the number of cells."),
    ] = None,
    cell: Annotated[
        int, typer.Option(metavar="PX", min=32, max=2048, help="Longer side of a cell in pixels, for example 480.")
    ] = 320,
    as_json: JsonOption = False,
) -> None:
    """Write one picture of a photo in many filters, with their names: `pix2style sheet photo.jpg -o sheet.jpg`.

    The photo is shrunk to the size of a cell first: strokes look as on a photo of that size.
    """
    from pix2style.recipes.sheet import make_sheet, parse_strengths

    report = make_sheet(photo, out, filters or (), strengths=parse_strengths(strengths), columns=columns, cell_px=cell)
    if as_json:
        print(json_text(dataclasses.asdict(report), default=str))
        return
    size = f"{report.width_px}x{report.height_px} pixels"
    print(printable(f"{report.out}: the photo in {counted(len(report.filters), 'filter')}, {size}"))
