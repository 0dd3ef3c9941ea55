"""`pix2style infer`."""

from __future__ import annotations

import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app

if TYPE_CHECKING:
    from pix2style.runtime.stylize_files import FilesReport

_SHOWN_FAILURES = 20


class OutputFormat(StrEnum):
    """What `--format` takes."""

    png = "png"
    jpg = "jpg"
    webp = "webp"


@app.command("infer")
def infer_cli(
    stylizer: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            help="An exported .onnx file (or FILE@1); or a run folder (RUN or RUN@1), watercolor, magenta:PAINTING"
            " (need extras).",
        ),
    ],
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUTS...", help="Photos, and folders searched recursively.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="A folder; or a picture file, for one photo.")],
    strength: Annotated[
        float, typer.Option(metavar="0..1", help="How much of the style: 0 gives the photo back. Of .onnx files.")
    ] = 1.0,
    style: Annotated[
        str | None,
        typer.Option(help="Of a file that holds several: an id from 0 on, or a weight for each, such as 0.5,0.5."),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            help="Side of the tiles in which larger photos are painted; 0: never. By itself beyond 4 megapixels.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make pictures again that are in OUT already; else they are skipped.")
    ] = False,
    format_: Annotated[
        OutputFormat | None,
        typer.Option("--format", help="Of all pictures; else as the photos (PNG where that cannot be written)."),
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP files.")] = 95,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Run a filter over photos. Needs no torch and no TensorFlow for an .onnx file.

    Pictures keep their photo's size, transparency and colour profile, and stand upright. A photo that cannot be read is
    listed, the rest is done, and the exit code is 1.
    """
    from pix2style.loading import load_stylizer
    from pix2style.progress import ProgressBar
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.runtime.stylize_files import stylize_files

    loaded = load_stylizer(stylizer, strength=strength, style=style, tile=tile)
    with ProgressBar("photos", 0) as bar:
        report = stylize_files(
            loaded,
            inputs,
            out,
            suffix=f".{format_}" if format_ else None,
            jpeg_quality=quality,
            overwrite=overwrite,
            on_progress=bar.set_counts,
        )
    _print_failures(report)
    tiled = loaded.tiled if isinstance(loaded, OnnxStylizer) else 0
    if as_json:
        figures = {"ms_per_picture": report.ms_per_picture, "tiled": tiled}
        print(json.dumps({**dataclasses.asdict(report), **figures}, default=str))
    else:
        print(_summary(report, out, tiled))
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _summary(report: FilesReport, out: Path, tiled: int) -> str:
    parts = [f"{len(report.written)} photos stylized"]
    if report.ms_per_picture is not None:
        parts.append(f"{report.ms_per_picture:.0f} ms each, {report.seconds:.1f} s in all")
    if tiled:
        parts.append(f"{tiled} of them in tiles")
    if report.skipped:
        parts.append(f"{len(report.skipped)} were there already (--overwrite makes them again)")
    if report.failures:
        parts.append(f"{len(report.failures)} failed")
    return f"{out}: " + "; ".join(parts)


def _print_failures(report: FilesReport) -> None:
    for failed in report.failures[:_SHOWN_FAILURES]:
        print(f"pix2style: {failed.path}: {failed.reason}", file=sys.stderr)
    if len(report.failures) > _SHOWN_FAILURES:
        print(
            f"pix2style: ... and {len(report.failures) - _SHOWN_FAILURES} more failed (--json lists all)",
            file=sys.stderr,
        )
