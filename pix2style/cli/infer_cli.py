"""The command `pix2style infer`."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.common_options import JsonOption
from pix2style.plural import counted
from pix2style.printable import printable

if TYPE_CHECKING:
    from pix2style.runtime.stylize_files import FilesReport


class OutputFormat(StrEnum):
    """Values of `--format`."""

    png = "png"
    jpg = "jpg"
    webp = "webp"


_ModuleOption = Annotated[
    str | None,
    typer.Option(
        help="For magenta:PAINTING, the network: mobile, full, a SavedModel folder, a converted folder or an"
        " address. For gatys:PAINTING, a file of VGG19's weights."
    ),
]

_OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace images that exist in OUT. Default: keep those that the same filter and settings made.",
    ),
]


@app.command("infer")
def infer_command(
    stylizer: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            help="Filter file (.onnx; FILE@1 for its style 1). Or, if their extras are installed: a run folder (RUN or"
            " RUN@1), watercolor, magenta:PAINTING or gatys:PAINTING.",
        ),
    ],
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUTS...", help="Photos: image files, and folders that are searched recursively."),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Output folder. For a single photo it may be an image file.")
    ],
    strength: Annotated[
        float,
        typer.Option(
            metavar="0..1",
            help="Strength of the style: 0 returns the photo, 1 the full style. Only for filter files.",
        ),
    ] = 1.0,
    style: Annotated[
        str | None,
        typer.Option(
            help="For a filter with several styles: the number of a style, from 0, or a weight for each of them, for"
            " example 0.5,0.5. Default: style 0."
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            help="Process larger photos in tiles of this side, in pixels, to limit memory; 0: never. Default: tiles"
            " of 1024 for photos above 4 megapixels. Only for filter files.",
        ),
    ] = None,
    module: _ModuleOption = None,
    overwrite: _OverwriteOption = False,
    format_: Annotated[
        OutputFormat | None,
        typer.Option(
            "--format", help="Format of all output files. Default: the photo's format, or PNG if it cannot be written."
        ),
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG and WebP files.")] = 95,
    as_json: JsonOption = False,
) -> None:
    """Stylize photos with a filter. A filter file needs neither torch nor TensorFlow.

    The stylized images keep size, transparency and colour profile of their photos, and are turned upright.

    Of animations (GIF, PNG, WebP, AVIF) and TIFF files every frame and page is stylized. GIF becomes PNG.

    What else lies in a folder is counted: links to folders, which are not followed, videos, other files, hidden files.

    Exit code 1: some photos could not be stylized. They are listed, and the others are done.
    """
    from pix2style.loading import load_stylizer
    from pix2style.progress import ProgressBar, print_note
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.runtime.stylize_files import stylize_files

    if out == Path("-"):  # `./-`, for `-` alone is refused before
        out = out.absolute()
    loaded = load_stylizer(stylizer, strength=strength, style=style, tile=tile, teacher_module=module)
    if loaded.description:
        print_note(f"the photos are stylized by {loaded.description}")
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
    tiled = loaded.tiled if isinstance(loaded, OnnxStylizer) else 0
    _finish(report, out, tiled, as_json=as_json)


def _finish(report: FilesReport, out: Path, tiled: int, *, as_json: bool) -> None:
    """Print the report, and leave with exit code 1 if something failed."""
    from pix2style.progress import print_failures, print_file_notes

    print_file_notes([(str(note.path), note.text) for note in report.notes])
    print_failures([(str(failure.path), failure.reason) for failure in report.failures], "the report of --json")
    _print_report(report, out, tiled, as_json=as_json)
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _print_report(report: FilesReport, out: Path, tiled: int, *, as_json: bool) -> None:
    from pix2style.images import count_left_out, describe_left_out

    if as_json:
        figures = {
            "ms_per_picture": report.ms_per_picture,
            "tiled": tiled,
            "left_out_counts": count_left_out(report.left_out),
        }
        print(json.dumps({**dataclasses.asdict(report), **figures}, default=str))
        return
    parts = [f"{counted(len(report.written), 'photo')} stylized"]
    if report.ms_per_picture is not None:
        parts.append(f"{report.ms_per_picture:.0f} ms each, {report.seconds:.1f} s in all")
    if report.sequences:
        files = counted(report.sequences, "file")
        parts.append(
            f"{counted(report.frames, 'frame or page', 'frames and pages')} in {files}, each stylized by itself"
        )
    if tiled:
        parts.append(f"{tiled} of them in tiles")
    if report.skipped:
        them = "it" if len(report.skipped) == 1 else "them"
        unknown = f", {report.of_unknown_origin} of unknown origin" if report.of_unknown_origin else ""
        parts.append(f"{len(report.skipped)} existed already{unknown} (--overwrite replaces {them})")
    if report.renamed:
        one = len(report.renamed) == 1
        their, which = ("its", "another photo has") if one else ("their", "other photos have")
        parts.append(f"{len(report.renamed)} got a number in {their} name, because {which} that name")
    if report.failures:
        parts.append(f"{len(report.failures)} failed")
    if report.left_out:
        parts.append(f"left out: {describe_left_out(report.left_out)}")
    print(printable(f"{out}: " + "; ".join(parts)))
