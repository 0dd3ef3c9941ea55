"""The command `pix2style infer`."""

from __future__ import annotations

import gc
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.cli import infer_options as options
from pix2style.cli.common_options import JsonOption
from pix2style.cli.exits import EXIT_SOME_FAILED, advise_after_interrupt
from pix2style.cli.infer_io_options import InputsArgument, OutOption, SearchOptions
from pix2style.cli.mask_options import MaskOptions
from pix2style.cli.size_options import shrinking
from pix2style.cli.standard_streams import STREAM

if TYPE_CHECKING:
    from pix2style.runtime.file_settings import FileSettings
    from pix2style.runtime.files_report import FilesReport
    from pix2style.stylizer import Stylizer


def infer_command(
    stylizer: options.FilterArgument,
    out: OutOption,
    search: SearchOptions,
    how: options.FilterOptions,
    where: MaskOptions,
    outputs: options.OutputOptions,
    clips: options.ClipOptions,
    inputs: InputsArgument = None,
    as_json: JsonOption = False,
) -> None:
    """Stylize photos and video clips with a filter. A filter file needs neither torch nor TensorFlow.

    The stylized images keep size, transparency and colour profile of their photos, and are turned upright.

    Of animations (GIF, PNG, WebP, AVIF) and TIFF files every frame and page is stylized. GIF becomes PNG.

    Clips (extra video) keep their sound, subtitles and frame times. Ctrl-C leaves a playable file, and the same command
    goes on.

    What else lies in a folder is counted: links to folders, which are not followed, other files, hidden files.

    `-` stands for standard input and output, as in `pix2style infer FILTER - -o - < photo.jpg > stylized.jpg`.

    Exit code 1: some photos or clips could not be stylized. They are listed, and the others are done.
    """
    from pix2style.cli.infer_stream import check_for_one_photo, infer_from_standard_input, infer_to_standard_output
    from pix2style.effects.inside import filters_inside
    from pix2style.progress import print_note

    inputs = inputs or []
    search.check(inputs, out)
    outputs.check(out)
    if STREAM in (out, *inputs):
        check_for_one_photo(clips.given_names())
    files = options.file_settings(search, how, outputs)

    def load() -> Stylizer:
        loaded = where.around(how.load(stylizer), chain(inputs, files.listed or ()), recursive=search.recursive)
        if loaded.description:
            print_note(f"photos and clips are stylized by {loaded.description}")
        gc.freeze()
        gc.enable()  # see `program._run_plain`
        return shrinking(loaded, clips.max_side) if STREAM in (out, *inputs) else loaded

    if out == STREAM:
        infer_to_standard_output(load, inputs[0], outputs, files, as_json=as_json)
        return
    loaded = load()
    if inputs == [STREAM]:
        report = infer_from_standard_input(loaded, out, outputs, files)
    else:
        report = _infer_files(loaded, inputs, out, outputs, clips, files)
    tiled = max((part.tiled for part in filters_inside(loaded)), default=0)
    _finish(report, out, tiled, as_json=as_json)


def _infer_files(
    loaded: Stylizer,
    inputs: list[Path],
    out: Path,
    outputs: options.OutputOptions,
    clips: options.ClipOptions,
    files: FileSettings,
) -> FilesReport:
    """Stylize files and folders, show how far it is, and return the report."""
    from pix2style.cli.infer_print import interrupted_advice, show_progress
    from pix2style.video.interrupted import ClipInterrupted
    from pix2style.video.stylize_inputs import GivenOptions, stylize_inputs

    clip_settings = clips.settings(loaded, outputs, files.threads)
    try:
        with show_progress() as progress:
            return stylize_inputs(
                loaded,
                inputs,
                out,
                clips=clip_settings,
                suffix=outputs.suffix,
                jpeg_quality=outputs.quality_or_default,
                overwrite=outputs.overwrite,
                files=files,
                given=GivenOptions(
                    clips.given_names(), options.given_names(format=outputs.format, quality=outputs.quality)
                ),
                progress=progress,
            )
    except ClipInterrupted as interruption:
        advice = interrupted_advice(interruption)
        with advise_after_interrupt("infer", lambda: advice):
            raise


def _finish(report: FilesReport, out: Path, tiled: int, *, as_json: bool) -> None:
    """Print the report, and leave with exit code 1 if something failed."""
    from pix2style.cli.infer_print import print_report
    from pix2style.progress import print_failures, print_file_notes

    print_file_notes((str(note.path), note.text) for note in report.notes)
    print_failures([(str(failure.path), failure.reason) for failure in report.failures], "the report of --json")
    print_report(report, out, tiled, as_json=as_json)
    if report.failures:
        sys.exit(EXIT_SOME_FAILED)
