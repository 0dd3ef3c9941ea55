"""The command `pix2style quickstart`."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app
from pix2style.cli.common_options import JsonOption
from pix2style.errors import ConfigError, require
from pix2style.processes import process_start_s
from pix2style.progress import is_quiet, no_progress
from pix2style.writable import check_can_write_folder

if TYPE_CHECKING:
    from pix2style.recipes.quickstart import QuickstartReport


@app.command("quickstart")
def quickstart_command(
    out: Annotated[Path, typer.Option(help="Folder for all results.")] = Path("quickstart"),
    content: Annotated[
        Path | None, typer.Option(help="Folder of your photos. Default: free sample photos that come with pix2style.")
    ] = None,
    style: Annotated[
        Path | None,
        typer.Option(help="Image file of your painting. Default: a free painting that comes with pix2style."),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="What stylizes the training photos: magenta (any painting; default) or watercolor (built in, takes no"
            " painting)."
        ),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(
            help="Magenta's network: mobile (small, of the extra painting), full (the large one, which `pix2style"
            " teacher fetch` downloads), or the folder or address of a network. Default: what PIX2STYLE_MAGENTA names,"
            " else the fetched one, else mobile."
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(min=0.05, max=1, help="How much of the painting's style to learn. Default: 1, all of it."),
    ] = None,
    painting_size: Annotated[
        int | None,
        typer.Option(min=64, max=1024, metavar="PX", help="Size at which the teacher sees the painting. Default: 256."),
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=1440,
            help="Limit of the time in minutes, for all stages and for all calls with the same --out together. A second"
            " call with more minutes goes on training with the photos of the first.",
        ),
    ] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Make a filter file from a painting and photos in a few minutes, offline and on a CPU.

    Runs every stage once: make pairs, train, export, and measure the filter on held-out photos. Ctrl-C during the
    training writes the filter as it is then.
    """
    if teacher in (None, "magenta"):
        from pix2style.teachers.magenta.find import check_network

        check_network(module)  # before the seconds that importing torch takes
    check_can_write_folder(out, ConfigError)
    require("train", "torch", "albumentations", "onnxscript", "safetensors")
    from pix2style.recipes.quickstart import QuickstartOptions, quickstart

    options = QuickstartOptions(out, content, style, teacher, module, strength, painting_size, minutes)
    log = no_progress if is_quiet() else functools.partial(print, file=sys.stderr, flush=True)
    report = quickstart(options, log, began_s=process_start_s())
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        _print_report(report)


def _print_report(report: QuickstartReport) -> None:
    print(f"\nfilter        {report.filter}   {report.filter_bytes / 1e3:.0f} kB, {report.parameters:,} parameters")
    if report.filter_8_bit is not None:
        print(f"in 8 bits     {report.filter_8_bit}   {report.filter_8_bit_bytes / 1e3:.0f} kB, faster")
    if report.ms_per_picture is not None and report.megapixels is not None:
        print(f"speed         {report.ms_per_picture:.0f} ms for {report.megapixels:.2f} megapixels, on this CPU")
    for line in _fidelity_lines(report):
        print(line)
    print(f"before/after  {report.before_after}\npictures      {report.pictures}")
    print("time          " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in report.seconds.items()))
    print(f"\nnext:         pix2style infer {report.filter_8_bit or report.filter} YOUR_PHOTOS -o OUT")
    print("              add --look 1024 for photos of phones and cameras: otherwise strokes are too small to see")
    if report.interrupted:
        print("stopped:      the training was interrupted; the same command goes on with it")


def _fidelity_lines(report: QuickstartReport) -> list[str]:
    if report.psnr_db is None or report.photo_psnr_db is None:
        return ["fidelity      not measured: no photo was drawn for the test split; use more photos"]
    reached = _figures(report.psnr_db, report.ssim, report.gram_distance)
    unchanged = _figures(report.photo_psnr_db, report.photo_ssim, report.photo_gram_distance)
    on = f"on {report.held_out} held-out photos"
    return [f"fidelity      {reached} to the teacher, {on}", f"              (unchanged photos: {unchanged})"]


def _figures(psnr_db: float, ssim: float | None, gram_distance: float | None) -> str:
    gram = "" if gram_distance is None else f", Gram distance {gram_distance:.2f}"
    return f"PSNR {psnr_db:.1f} dB, SSIM {ssim or 0:.2f}{gram}"
