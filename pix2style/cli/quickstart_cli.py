"""`pix2style quickstart`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app
from pix2style.errors import require

if TYPE_CHECKING:
    from pix2style.recipes.quickstart import QuickstartReport


@app.command("quickstart")
def quickstart_cli(
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path("quickstart"),
    content: Annotated[Path | None, typer.Option(help="Your photos; free sample photos if not given.")] = None,
    style: Annotated[Path | None, typer.Option(help="Your painting, for Google Magenta's network.")] = None,
    teacher: Annotated[str | None, typer.Option(help="watercolor (built in), or magenta (with --style).")] = None,
    module: Annotated[
        str | None, typer.Option(help="Magenta's network: a SavedModel folder or TF-Hub address.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.5, max=1440, help="Time for everything together.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """From photos to a filter file in minutes, offline, on a CPU."""
    require("train", "torch", "albumentations", "onnxscript", "safetensors")
    from pix2style.recipes.quickstart import QuickstartOptions, quickstart

    report = quickstart(
        QuickstartOptions(out, content, style, teacher, module, minutes),
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        _print(report)


def _print(report: QuickstartReport) -> None:
    print(f"\nfilter        {report.filter}   {report.filter_bytes / 1e3:.0f} kB, {report.parameters:,} parameters")
    if report.ms_per_picture is not None and report.megapixels is not None:
        print(f"speed         {report.ms_per_picture:.0f} ms for {report.megapixels:.2f} megapixels, on this CPU")
    if report.psnr_db is not None and report.photo_psnr_db is not None:
        print(
            f"fidelity      PSNR {report.psnr_db:.1f} dB, SSIM {report.ssim:.2f} to the teacher on"
            f" {report.held_out} held-out photos\n"
            f"              (the unchanged photos: {report.photo_psnr_db:.1f} dB, {report.photo_ssim:.2f})"
        )
    else:
        print("fidelity      no photo fell into the test split (it follows the files' hashes): give more photos")
    print(f"before/after  {report.before_after}\npictures      {report.pictures}")
    print("time          " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in report.seconds.items()))
    print(f"\nnext:         pix2style infer {report.filter} YOUR_PHOTOS -o OUT")
