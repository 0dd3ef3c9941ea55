"""`pix2style export`."""

from __future__ import annotations

import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pix2style.cli.app import app
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.export.export_filter import ExportReport


class Precision(StrEnum):
    """What `--precision` takes."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"
    all = "all"


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
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="fp16: half the bytes; int8: a third, and several times as fast (lite alone); all: a file of each,"
            " NAME.onnx, NAME.fp16.onnx, NAME.int8.onnx. Else as the run's configuration says."
        ),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="The pair set to measure on, if it is not where the run's configuration says.")
    ] = None,
    for_opencv: Annotated[
        bool, typer.Option("--for-opencv", help="Make an int8 file that OpenCV runs, too; slower elsewhere.")
    ] = False,
    package: Annotated[
        Path | None,
        typer.Option(help="A new folder to publish: the files, the weights as safetensors, and a model card."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make one ONNX file of a run: photo in, picture out, any size; checked against the network before it is kept."""
    require("train", "torch", "onnx", "onnxscript", "safetensors", "pydantic", "yaml")
    from pix2style.export.package import export_package
    from pix2style.export.run import export_precisions, open_run
    from pix2style.style_choice import parse_style

    if package is not None and (out is not None or precision is not None):
        raise ConfigError("--package writes a folder with a file of each precision: leave out --out and --precision")
    source = open_run(
        run,
        checkpoint=checkpoint,
        weights=weights.value if weights else None,
        licence=licence,
        style=parse_style(style) if style is not None else None,
    )
    path = out or run / f"{source.spec.name}.onnx"
    if package is not None:
        reports = export_package(source, package, pairs)
    elif precision == Precision.all:
        reports = export_precisions(source, path, pairs, for_opencv=for_opencv)
    else:
        chosen = _named(precision) or source.config.export.precision
        reports = [source.export(path, chosen, pairs, for_opencv=for_opencv)]
    if as_json:
        values = [dataclasses.asdict(report) for report in reports]
        several = package is not None or precision == Precision.all
        print(json.dumps(values if several else values[0], default=str))
        return
    for report in reports:
        print(_summary(report))
    print(f"next: pix2style infer {reports[-1].path} PHOTOS -o OUT", file=sys.stderr)


def _named(precision: Precision | None) -> Literal["fp32", "fp16", "int8"] | None:
    """As functions take it; `all` is none of them."""
    match precision:
        case Precision.fp32:
            return "fp32"
        case Precision.fp16:
            return "fp16"
        case Precision.int8:
            return "int8"
        case _:
            return None


def _summary(report: ExportReport) -> str:
    size = f"{report.precision}, {report.bytes / 1e6:.2f} MB, {report.parameters:,} parameters, opset {report.opset}"
    sizes = ", ".join(f"{width}x{height}" for height, width in report.sizes)
    return (
        f"{report.path}: {size}\n"
        f"checked against the network at {sizes}: at most {report.max_difference_levels} of 255 levels apart, in"
        f" {report.differing_share:.3%} of bytes\n"
        f"{_measured(report)}"
        f"sha256 {report.sha256}"
    )


def _measured(report: ExportReport) -> str:
    """Lines about held-out photos and OpenCV, where there is something to say."""
    lines = []
    quality = report.quality
    if quality:
        teacher = f", {quality['teacher_psnr_db']:.1f} dB from the teacher" if "teacher_psnr_db" in quality else ""
        lines.append(
            f"on {quality['photos']:.0f} held-out photos {quality['network_psnr_db']:.1f} dB (SSIM"
            f" {quality['network_ssim']:.3f}) from the network{teacher}\n"
        )
    return "".join([*lines, f"{report.opencv}\n" if report.opencv else ""])
