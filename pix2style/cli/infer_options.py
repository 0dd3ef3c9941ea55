"""Options of `infer`, and what the values of those for clips mean."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.errors import ConfigError

if TYPE_CHECKING:
    from pix2style.stylizer import Stylizer
    from pix2style.video.clip_settings import ClipSettings


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
        help="A name that `pix2style gallery` lists, for example great-wave (a file or run folder of that name here"
        " wins), a filter file (.onnx; FILE@1 for its style 1), or a blend of several (great-wave:0.6,FILE:0.4). Or, if"
        " their extras are installed: a run folder (RUN or RUN@1), watercolor, magenta:PAINTING or gatys:PAINTING.",
    ),
]
InputsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUTS...", help="Photos and video clips: files, and folders that are searched recursively."
    ),
]
OutOption = Annotated[
    Path,
    typer.Option("-o", "--out", help="Output folder. For a single photo or clip it may be a file, such as out.mp4."),
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
StrokeOption = Annotated[
    float | None,
    typer.Option(
        metavar="0.5..4",
        help="Size of the strokes: 2 makes them twice as large as in the plain way, and outputs keep their size and the"
        " photo's detail.",
    ),
]
LookOption = Annotated[
    int | None,
    typer.Option(
        metavar="PX",
        help="Give larger photos and clips the strokes of their version with this longer side, for example 1024: so"
        " strokes do not depend on the size of a photo. Outputs keep their size. With --stroke, strokes are so many"
        " times those.",
    ),
]
PreserveColorOption = Annotated[
    bool,
    typer.Option(
        "--preserve-color",
        help="Keep the photo's own colours, and take only the lightness of the stylized image, for example for food.",
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
QualityOption = Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG and WebP files.")]
SteadyOption = Annotated[
    Steady | None,
    typer.Option(
        help="What keeps the strokes of clips in place: off: nothing; lock: they follow the camera; full: they also"
        " change slowly. Default: lock."
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
MaxSideOption = Annotated[
    int | None,
    typer.Option(
        metavar="PX",
        help="Shrink photos and clips to this longer side first, for example 1280: outputs are smaller and are made"
        " faster. Default: outputs have the size of the inputs; see also --look.",
    ),
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
            preserve_color=self.preserve_color,
            stroke=self.stroke,
            look_px=self.look,
        )


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Options that say how outputs are written."""

    overwrite: OverwriteOption = False
    format: FormatOption = None
    quality: QualityOption = 95

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

    def settings(self, loaded: Stylizer) -> ClipSettings:
        """Return checked settings of clips.

        Raises:
            ConfigError: A value is wrong. The message names the option.
        """
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
        )

    def given_names(self) -> list[str]:
        """Return the options that a person has set and that concern clips only, as they are written."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return given_names(**{name: value for name, value in values.items() if name != "max_side"})


def _time(option: str, text: str | None) -> float | None:
    from pix2style.video.clip_times import parse_time

    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise ConfigError(f"{option} {error}") from error


def given_names(**values: object) -> list[str]:
    """Return the options that a person has set, as they are written, of those given by the names of parameters."""
    return [f"--{name.replace('_', '-')}" for name, value in values.items() if value is not None]
