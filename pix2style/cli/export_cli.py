"""`pix2style export`."""

from __future__ import annotations

import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app
from pix2style.errors import require

if TYPE_CHECKING:
    from pix2style.export.onnx import ExportReport


class Weights(StrEnum):
    """What `--weights` takes."""

    ema = "ema"
    raw = "raw"


@app.command("export")
def export_cli(
    run: Annotated[Path, typer.Argument(help="The folder that train made.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The filter file; RUN/NAME.onnx if not given.")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="latest, best, or a name such as step-0012000.")] = "latest",
    weights: Annotated[
        Weights | None, typer.Option(help="The averaged or the last ones; else as the run's configuration says.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Of the filter, written into it; else as the run's configuration says.")
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(help="Of a run that holds several: an id from 0 on, or a weight for each, such as 0.5,0.5."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make one ONNX file of a run: photo in, picture out, any size; checked against the network before it is kept."""
    require("train", "torch", "onnx", "onnxscript", "safetensors", "pydantic", "yaml")
    from pix2style.export.run import export_run
    from pix2style.style_choice import parse_style

    report = export_run(
        run,
        out,
        checkpoint=checkpoint,
        weights=weights.value if weights else None,
        licence=licence,
        style=parse_style(style) if style is not None else None,
    )
    if as_json:
        print(json.dumps(dataclasses.asdict(report), default=str))
        return
    print(_summary(report))
    print(f"next: pix2style infer {report.path} PHOTOS -o OUT", file=sys.stderr)


def _summary(report: ExportReport) -> str:
    size = f"{report.bytes / 1e6:.2f} MB, {report.parameters:,} parameters, opset {report.opset}"
    sizes = ", ".join(f"{width}x{height}" for height, width in report.sizes)
    return (
        f"{report.path}: {size}\n"
        f"checked against the network at {sizes}: at most {report.max_difference_levels} of 255 levels apart, in"
        f" {report.differing_share:.3%} of bytes\n"
        f"sha256 {report.sha256}"
    )
