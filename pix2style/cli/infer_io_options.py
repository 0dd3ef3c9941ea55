"""Options of `infer` about what it reads, where it runs, and what it keeps."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pix2style.cli import lazy_typer as typer
from pix2style.cli.standard_streams import STREAM, open_list, stream_or_path
from pix2style.errors import ConfigError
from pix2style.light_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pix2style.path_list import PathList
    from pix2style.slices import Slice


class Metadata(StrEnum):
    """Values of `--keep-metadata`."""

    none = "none"
    safe = "safe"
    all = "all"


InputsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="INPUTS",
        parser=stream_or_path,
        help="Photos and video clips: files, folders, and - for one image from standard input.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        "-o",
        "--out",
        metavar="OUT",
        parser=stream_or_path,
        help="Output folder. For a single photo or clip it may be a file, such as out.mp4. For a photo also -, which is"
        " standard output.",
    ),
]
RecursiveOption = Annotated[
    bool,
    typer.Option(
        "--recursive/--no-recursive",
        help="Search folders inside of input folders, too; for example infer FILTER photos -o out --no-recursive takes"
        " only what lies directly in photos.",
    ),
]
FilesFromOption = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE|-",
        parser=stream_or_path,
        help="Read more inputs from a text file, or from standard input, one on each line, for example --files-from"
        " favourites.txt.",
    ),
]
NullOption = Annotated[
    bool,
    typer.Option(
        "-0",
        "--null",
        help="Entries of --files-from end in a NUL character instead of a line break, for example those of find"
        " -print0.",
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Stylize only part I of N of the photos and clips, for example 3/16. For batch systems: N calls with the"
        " same inputs and OUT write together what one call writes. They may run at once or one after another; repeat"
        " those that failed. Part 1 reports what belongs to no single photo, such as missing files.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Threads of the filter, for example 2; with 1, photos are also read and written in that thread. Default:"
        " all cores. Only for filter files.",
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What computes the filter: cpu, openvino (often faster than cpu for float32 filters on the processor), or"
        " for example cuda or coreml if ONNX Runtime has it (pix2style doctor lists all). Default: cpu.",
    ),
]
LosslessOption = Annotated[
    bool,
    typer.Option(
        "--lossless",
        help="Lose nothing when writing, for example photo.jpg becomes photo.png; clips become larger, and exact in"
        " .mkv (FFV1).",
    ),
]
KeepMetadataOption = Annotated[
    Metadata,
    typer.Option(
        help="What outputs keep of EXIF data and tags, for example --keep-metadata safe: date, camera, resolution,"
        " artist and copyright, but no places and serial numbers; all: everything but orientation and previews."
    ),
]


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Options that say what is read."""

    recursive: RecursiveOption = True
    files_from: FilesFromOption = None
    null: NullOption = False
    shard: ShardOption = None

    def part(self) -> Slice | None:
        """Return the part of the inputs that this call stylizes; None for all.

        Raises:
            ConfigError: There is no such part.
        """
        from pix2style.slices import Slice

        return None if self.shard is None else Slice.parse(self.shard)

    def listed(self) -> PathList | None:
        """Return the paths in the list of files; None if there is no list."""
        if self.files_from is None:
            if self.null:
                raise ConfigError("--null: is about --files-from: name a list, or leave it out")
            return None
        from pix2style.runtime.file_list import read_file_list

        with open_list(self.files_from) as (stream, name):
            return read_file_list(stream, name, null=self.null)

    def check(self, inputs: Sequence[Path], out: Path) -> None:
        """Check how standard input and output are used.

        Args:
            inputs: The inputs that are named.
            out: The output.

        Raises:
            ConfigError: There is no input, or the streams cannot be used so.
        """
        if not inputs and self.files_from is None:
            raise ConfigError("INPUTS: name photos or clips, - for standard input, or a list with --files-from")
        if STREAM in inputs and (len(inputs) > 1 or self.files_from is not None):
            raise ConfigError("-: standard input is a single image: name no other inputs beside it")
        if self.part() is not None and STREAM in (out, *inputs):
            raise ConfigError(f"--shard {self.shard}: - is a single image: leave out --shard, or name files or folders")
        is_one = self.files_from is None and len(inputs) == 1 and not inputs[0].is_dir()
        if out == STREAM and not is_one:
            raise ConfigError("-o -: standard output takes a single image: name one photo, or a folder as OUT")
