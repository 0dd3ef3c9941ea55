"""The command `pix2style infer`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pix2style.cli import infer_options as options
from pix2style.cli.app import EXIT_SOME_FAILED, advise_after_interrupt, app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.mask_options import MaskOptions

if TYPE_CHECKING:
    from pix2style.runtime.files_report import FilesReport


@app.command("infer")
def infer_command(
    stylizer: options.FilterArgument,
    inputs: options.InputsArgument,
    out: options.OutOption,
    how: options.FilterOptions,
    where: MaskOptions,
    outputs: options.OutputOptions,
    clips: options.ClipOptions,
    as_json: JsonOption = False,
) -> None:
    """Stylize photos and video clips with a filter. A filter file needs neither torch nor TensorFlow.

    The stylized images keep size, transparency and colour profile of their photos, and are turned upright.

    Of animations (GIF, PNG, WebP, AVIF) and TIFF files every frame and page is stylized. GIF becomes PNG.

    Clips (extra video) keep their sound, subtitles and frame times. Ctrl-C leaves a playable file, and the same command
    goes on.

    What else lies in a folder is counted: links to folders, which are not followed, other files, hidden files.

    Exit code 1: some photos or clips could not be stylized. They are listed, and the others are done.
    """
    from pix2style.cli.infer_print import interrupted_advice, show_progress
    from pix2style.effects.inside import filters_inside
    from pix2style.progress import print_note
    from pix2style.video.clip_job import ClipInterrupted
    from pix2style.video.stylize_inputs import GivenOptions, stylize_inputs

    if out == Path("-"):  # `./-`, for `-` alone is refused before
        out = out.absolute()
    loaded = where.around(how.load(stylizer), inputs)
    clip_settings = clips.settings(loaded)
    if loaded.description:
        print_note(f"the photos are stylized by {loaded.description}")
    try:
        with show_progress() as progress:
            report = stylize_inputs(
                loaded,
                inputs,
                out,
                clips=clip_settings,
                suffix=outputs.suffix,
                jpeg_quality=outputs.quality,
                overwrite=outputs.overwrite,
                given=GivenOptions(clips.given_names(), options.given_names(format=outputs.format)),
                progress=progress,
            )
    except ClipInterrupted as interruption:
        advice = interrupted_advice(interruption)
        with advise_after_interrupt("infer", lambda: advice):
            raise
    tiled = max((part.tiled for part in filters_inside(loaded)), default=0)
    _finish(report, out, tiled, as_json=as_json)


def _finish(report: FilesReport, out: Path, tiled: int, *, as_json: bool) -> None:
    """Print the report, and leave with exit code 1 if something failed."""
    from pix2style.cli.infer_print import print_report
    from pix2style.progress import print_failures, print_file_notes

    print_file_notes([(str(note.path), note.text) for note in report.notes])
    print_failures([(str(failure.path), failure.reason) for failure in report.failures], "the report of --json")
    print_report(report, out, tiled, as_json=as_json)
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)
