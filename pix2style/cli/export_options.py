"""Arguments and options of `export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Precision(StrEnum):
    """Values of `--precision`."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"
    all = "all"


class Weights(StrEnum):
    """Values of `--weights`."""

    ema = "ema"
    raw = "raw"


RunArgument = Annotated[Path, typer.Argument(help="Run folder of `train` or `distill`.")]
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
ForOpencvOption = Annotated[
    bool,
    typer.Option("--for-opencv", help="Write an int8 file that OpenCV can run too. It is slower in ONNX Runtime."),
]
PackageOption = Annotated[
    Path | None,
    typer.Option(
        help="Write a new folder to publish instead: a file of each precision, the weights as safetensors, and a"
        " model card."
    ),
]
