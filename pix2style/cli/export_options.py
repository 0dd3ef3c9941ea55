"""Arguments and options of `export`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.errors import ConfigError

if TYPE_CHECKING:
    from pix2style.export.run import ExportSource


class Precision(StrEnum):
    """Values of `--precision`."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"
    all = "all"


class Program(StrEnum):
    """Values of `--for`."""

    opencv = "opencv"
    darktable = "darktable"
    comfyui = "comfyui"


class Weights(StrEnum):
    """Values of `--weights`."""

    ema = "ema"
    raw = "raw"


SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN",
        help="Run folder of `train` or `distill`. With --web, --for darktable or --for comfyui, also a filter file or a"
        " name that `pix2style gallery` lists; --web and --for comfyui take several.",
    ),
]
OutOption = Annotated[Path | None, typer.Option("-o", "--out", help="Filter file to write. Default: RUN/NAME.onnx.")]
CheckpointOption = Annotated[
    str, typer.Option(help="Checkpoint to export: latest, best, or a name such as step-0012000.")
]
WeightsOption = Annotated[
    Weights | None,
    typer.Option(
        help="ema: weights averaged over training; raw: weights of the last step. Default: export.weights of the"
        " run's configuration."
    ),
]
LicenceOption = Annotated[
    str | None,
    typer.Option(
        help="Licence of the filter, written into the file, for example CC-BY-4.0. Default: export.licence of the"
        " run's configuration."
    ),
]
StyleOption = Annotated[
    str | None,
    typer.Option(
        help="For a run with several styles: export only one, by its number from 0, or a mixture, by a weight for"
        " each style, for example 0.5,0.5."
    ),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        help="fp32; fp16: half the size; int8: a third of the size and several times as fast (only the"
        " lightweight generator); all: one file of each, NAME.onnx, NAME.fp16.onnx and NAME.int8.onnx. Default:"
        " export.precision of the run's configuration."
    ),
]
PairsOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the pair set, to calibrate int8 and to measure quality. Default: pairs.path of the run's"
        " configuration."
    ),
]
ForOption = Annotated[
    Program | None,
    typer.Option(
        "--for",
        help="Write for another program. opencv: an 8-bit file (where the generator has one) that OpenCV runs too,"
        " slower in ONNX Runtime; darktable: a model package (.dtmodel); comfyui: a folder with a custom node. The last"
        " two also take filter files, for example export great-wave --for darktable.",
    ),
]
ForOpencvOption = Annotated[
    bool,
    typer.Option("--for-opencv", hidden=True, help="The same as --for opencv."),
]
PackageOption = Annotated[
    Path | None,
    typer.Option(
        help="Write a new folder to publish instead: a file of each precision, the weights as safetensors, and a"
        " model card."
    ),
]
WebOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Write a new folder with a web page instead, which stylizes photos in the browser, for example"
        " `pix2style export lite.onnx --web page`. Filter files need no extra.",
    ),
]
OrtWebOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER|FILE",
        help="With --web: folder of the npm package onnxruntime-web, or the file onnxruntime-web-VERSION.tgz that `npm"
        " pack` writes. Default: the user's cache, and npm if it lacks them.",
    ),
]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to export of a run."""

    checkpoint: CheckpointOption = "latest"
    weights: WeightsOption = None
    licence: LicenceOption = None
    style: StyleOption = None
    pairs: PairsOption = None

    def check_sources(self, sources: Sequence[Path]) -> None:
        """Refuse these options if there are filter files only, on which they have no effect.

        Raises:
            ConfigError: There are such options, and no source is a run.
        """
        given = [f"--{field.name}" for field in fields(self) if getattr(self, field.name) != field.default]
        if given and not any(source.is_dir() for source in sources):
            names = ", ".join(given)
            raise ConfigError(f"{names}: for runs only, and the sources are filter files: leave out {names}")

    def open(self, run: Path) -> ExportSource:
        """Load the generator of a run, as the options say."""
        from pix2style.export.run import open_run
        from pix2style.style_choice import parse_style

        return open_run(
            run,
            checkpoint=self.checkpoint,
            weights=self.weights.value if self.weights else None,
            licence=self.licence,
            style=parse_style(self.style) if self.style is not None else None,
        )


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where a web page goes, and what it is made with."""

    web: WebOption = None
    ort_web: OrtWebOption = None
