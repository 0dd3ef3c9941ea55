"""`infer` with `-` as its input or its output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.cli.standard_streams import (
    INPUT_NAME,
    STREAM,
    check_can_take_image,
    keep_for_image,
    read_standard_input,
)
from pix2style.errors import ConfigError
from pix2style.progress import print_file_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pix2style.cli.infer_options import OutputOptions
    from pix2style.runtime.file_settings import FileSettings
    from pix2style.runtime.files_report import FilesReport
    from pix2style.stylizer import Stylizer


def check_for_one_photo(clip_options: Sequence[str]) -> None:
    """Refuse options of clips, which are neither read from standard input nor written to standard output.

    Raises:
        ConfigError: There are such options.
    """
    if clip_options:
        names = ", ".join(clip_options)
        raise ConfigError(f"{names}: for clips only, and the input is a photo: leave out {names}")


def infer_to_standard_output(
    load: Callable[[], Stylizer], source: Path, outputs: OutputOptions, files: FileSettings, *, as_json: bool
) -> None:
    """Stylize one photo, from a file or from standard input, and write it to standard output, and nothing else.

    Raises:
        ConfigError: Standard output or standard input is a terminal, or an option or the input does not suit it.
        DataError: The photo cannot be read, stylized or written.
    """
    from pix2style.images import read_image_file
    from pix2style.runtime.stylize_data import stylize_data
    from pix2style.video.find import is_clip

    if as_json:
        raise ConfigError("--json: standard output takes the image (-o -): leave it out, or name a file as OUT")
    check_can_take_image()
    if source != STREAM and is_clip(source):
        raise ConfigError(f"-o -: {source} is a clip, which needs a file: name one, such as out.mp4")
    with keep_for_image() as stream:
        stylizer = load()
        stylizer = stylizer if source == STREAM else stylizer.for_source(source)
        data = read_standard_input() if source == STREAM else read_image_file(source)
        name = INPUT_NAME if source == STREAM else str(source)
        made = stylize_data(
            stylizer, data, name=name, suffix=outputs.suffix, jpeg_quality=outputs.quality_or_default, files=files
        )
        print_file_notes([(name, note) for note in made.notes])
        stream.write(made.data)


def infer_from_standard_input(
    stylizer: Stylizer, out: Path, outputs: OutputOptions, files: FileSettings
) -> FilesReport:
    """Stylize the photo from standard input into a file or folder, and return the report.

    Raises:
        ConfigError: Standard input is a terminal.
        DataError: The photo cannot be read, stylized or written.
    """
    from pix2style.runtime.stylize_data import stylize_data_into

    return stylize_data_into(
        stylizer,
        read_standard_input(),
        out,
        name=INPUT_NAME,
        suffix=outputs.suffix,
        jpeg_quality=outputs.quality_or_default,
        overwrite=outputs.overwrite,
        files=files,
    )
