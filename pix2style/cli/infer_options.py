"""Options of `infer`, and what the values of those for clips mean."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pix2style.cli import lazy_typer as typer
from pix2style.cli.common_options import complete_filter
from pix2style.cli.infer_io_options import (
    DeviceOption,
    KeepMetadataOption,
    LosslessOption,
    Metadata,
    SearchOptions,
    ThreadsOption,
)
from pix2style.cli.size_options import LookOption, MaxSideOption, StrokeOption
from pix2style.errors import ConfigError
from pix2style.light_dataclass import dataclass

if TYPE_CHECKING:
    from pix2style.runtime.file_settings import FileSettings
    from pix2style.stylizer import Stylizer
    from pix2style.video.clip_settings import ClipSettings


_DEFAULT_QUALITY = 95


class OutputFormat(StrEnum):
    """Values of `--format`."""

    png = "png"
    jpg = "jpg"
    webp = "webp"


class Steady(StrEnum):
    """Values of `--steady`."""

    off = "off"
    lock = "lock"
    full = "full"


FilterArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILTER",
        autocompletion=complete_filter,
        help="A name that `pix2style gallery` lists, for example great-wave; a filter file (.onnx; FILE@1 for its style"
        " 1); or a blend of several (great-wave:0.6,FILE:0.4). If their extras are installed, also a run folder (RUN or"
        " RUN@1), watercolor, magenta:PAINTING or gatys:PAINTING. If the working folder holds a file or run folder with"
        " a name of the gallery, the file or run is taken.",
    ),
]
StrengthOption = Annotated[
    float,
    typer.Option(
        metavar="0..1",
        help="Strength of the style: 0 returns the photo, 1 the full style. Only for filter files and blends.",
    ),
]
StyleOption = Annotated[
    str | None,
    typer.Option(
        help="For a filter with several styles: the number of a style, from 0, or a weight for each of them, for"
        " example 0.5,0.5. Default: style 0."
    ),
]
TileOption = Annotated[
    int | None,
    typer.Option(
        metavar="PX",
        help="Process larger photos in tiles of this side, in pixels, to limit memory; 0: never. Default: tiles"
        " of 1024 for photos above 4 megapixels. Only for filter files.",
    ),
]
ModuleOption = Annotated[
    str | None,
    typer.Option(
        help="For magenta:PAINTING, the network: mobile, full, a SavedModel folder, a converted folder or an"
        " address. For gatys:PAINTING, a file of VGG19's weights."
    ),
]
PreserveColorOption = Annotated[
    bool,
    typer.Option(
        "--preserve-color",
        help="Keep the photo's own colours, and take only the lightness of the stylized image, for example infer"
        " great-wave photo.jpg -o own-colours.jpg --preserve-color.",
    ),
]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace outputs that exist in OUT. Default: keep those that the same filter and settings made.",
    ),
]
FormatOption = Annotated[
    OutputFormat | None,
    typer.Option("--format", help="Format of all images. Default: the photo's format, or PNG if it cannot be written."),
]
QualityOption = Annotated[
    int | None, typer.Option(min=1, max=100, help="Quality of JPEG and WebP files, for example 85. Default: 95.")
]
SteadyOption = Annotated[
    Steady | None,
    typer.Option(
        help="What keeps the strokes of clips in place: off: nothing; lock: they follow the camera; full: also in"
        " zooms, turns and noise, and on things that move. Default: lock."
    ),
]
StartOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Begin clips at this time, in seconds or [HH:]MM:SS, for example 1:30.5."),
]
EndOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="End clips at this time of the original, for example 90 or 1:45."),
]
CrfOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Quality of the encoder of clips: a smaller number is better and a larger file, for example 18. Default:"
        " the codec's.",
    ),
]
CodecOption = Annotated[
    str | None,
    typer.Option(help="Codec of clips, for example hevc or av1. Default: the container's, H.264 in .mp4."),
]
TimelineOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Text file with strength and style over the time of clips, in lines such as 0:04 strength=1"
        " style=0.5,0.5. Only for filter files.",
    ),
]


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Options that say how the filter is applied."""

    strength: StrengthOption = 1.0
    style: StyleOption = None
    tile: TileOption = None
    module: ModuleOption = None
    threads: ThreadsOption = None
    device: DeviceOption = None
    preserve_color: PreserveColorOption = False
    stroke: StrokeOption = None
    look: LookOption = None

    def load(self, source: str) -> Stylizer:
        """Load the filter with these options."""
        from pix2style.loading import load_stylizer

        return load_stylizer(
            source,
            strength=self.strength,
            style=self.style,
            tile=self.tile,
            teacher_module=self.module,
            threads=self.threads,
            device=self.device,
            preserve_color=self.preserve_color,
            stroke=self.stroke,
            look_px=self.look,
            spinning="never",  # else waiting threads take as much processor time as the work on small photos
        )


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Options that say how outputs are written."""

    overwrite: OverwriteOption = False
    format: FormatOption = None
    quality: QualityOption = None
    lossless: LosslessOption = False
    keep_metadata: KeepMetadataOption = Metadata.none

    def check(self, out: Path) -> None:
        """Refuse options that contradict each other, or the name of the output.

        Raises:
            ConfigError: They do.
        """
        if self.format is not None:
            self._check_name(out)
        if self.lossless and self.quality is not None:
            raise ConfigError(f"--quality {self.quality}: --lossless has no quality: leave out one of them")
        if self.lossless and self.format is OutputFormat.jpg:
            raise ConfigError("--format jpg: JPEG always loses something, unlike --lossless: take png or webp")

    def _check_name(self, out: Path) -> None:
        from pix2style.images import IMAGE_SUFFIXES, format_of

        is_file = out.suffix.lower() in IMAGE_SUFFIXES and not out.is_dir()
        if is_file and format_of(out) != format_of(Path(f"name.{self.format}")):
            raise ConfigError(f"--format {self.format}: {out} is the name of another format: leave out --format")

    @property
    def quality_or_default(self) -> int:
        """Quality of JPEG and WebP files."""
        return _DEFAULT_QUALITY if self.quality is None else self.quality

    @property
    def suffix(self) -> str | None:
        """Suffix of the outputs of all photos; None for the suffixes of the photos."""
        return f".{self.format}" if self.format else None


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Options of clips, and the size of photos. All are None where a person has not set them."""

    steady: SteadyOption = None
    start: StartOption = None
    end: EndOption = None
    max_side: MaxSideOption = None
    crf: CrfOption = None
    codec: CodecOption = None
    timeline: TimelineOption = None

    def settings(self, loaded: Stylizer, outputs: OutputOptions, threads: int | None) -> ClipSettings | None:
        """Return checked settings of clips; None for the defaults.

        Args:
            loaded: The stylizer.
            outputs: Options that say how outputs are written.
            threads: Number of threads of the encoder; None for the usual number.

        Raises:
            ConfigError: A value is wrong. The message names the option.
        """
        is_plain = not outputs.lossless and outputs.keep_metadata is Metadata.none and threads is None
        if is_plain and self.max_side is None and not self.given_names():
            return None
        from pix2style.images import KeepMetadata
        from pix2style.video.clip_settings import clip_settings
        from pix2style.video.timeline import read_timeline

        return clip_settings(
            steady=self.steady or Steady.lock,
            start_s=_time("--start", self.start),
            end_s=_time("--end", self.end),
            max_side_px=self.max_side,
            crf=self.crf,
            codec=self.codec,
            timeline=read_timeline(self.timeline, loaded) if self.timeline else None,
            lossless=outputs.lossless,
            metadata=KeepMetadata(outputs.keep_metadata.value),
            encoder_threads=threads,
        )

    def given_names(self) -> list[str]:
        """Return the options that a person has set and that concern clips only, as they are written."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return given_names(**{name: value for name, value in values.items() if name != "max_side"})


def file_settings(search: SearchOptions, how: FilterOptions, outputs: OutputOptions) -> FileSettings:
    """Return what is read, and how images are written."""
    from pix2style.images import KeepMetadata
    from pix2style.runtime.file_settings import FileSettings

    return FileSettings(
        listed=search.listed(),
        recursive=search.recursive,
        threads=how.threads,
        lossless=outputs.lossless,
        metadata=KeepMetadata(outputs.keep_metadata.value),
        part=search.part(),
    )


def _time(option: str, text: str | None) -> float | None:
    from pix2style.video.clip_times import parse_time

    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise ConfigError(f"{option} {error}") from error


def given_names(**values: object) -> list[str]:
    """Return the options that a person has set, as they are written, of those given by the names of parameters."""
    return [f"--{name.replace('_', '-')}" for name, value in values.items() if value is not None]
