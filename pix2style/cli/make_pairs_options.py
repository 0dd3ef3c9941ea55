"""Arguments and options of `make-pairs`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.common_options import complete_config
from pix2style.teacher_table import TEACHERS

_TEACHER_HELP = "; ".join(f"{teacher.name}: {teacher.summary}" for teacher in TEACHERS)


class Fit(StrEnum):
    """Values of `--fit`; see `PairsConfig.fit`."""

    crop = "crop"
    fit = "fit"
    keep = "keep"


class Engine(StrEnum):
    """Values of `--engine`."""

    local = "local"
    ray = "ray"


OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="Change settings of the configuration, for example pairs.format=jpeg."
    ),
]
ContentOption = Annotated[
    list[Path] | None,
    typer.Option(help="Photos to stylize: a file, or a folder that is searched recursively. Repeatable."),
]
StyleOption = Annotated[
    list[Path] | None,
    typer.Option(help="Image file of the painting. Several are blended into one style, see --weight and --each-style."),
]
WeightOption = Annotated[
    list[float] | None,
    typer.Option(help="Weight of each painting in the blend, in the order of --style. Default: equal weights."),
]
StrengthOption = Annotated[
    float | None,
    typer.Option(help="How much of the paintings' style: from 0 (the photo's own style) to 1.", min=0, max=1),
]
PaintingSizeOption = Annotated[
    int | None,
    typer.Option(
        help="Size in pixels at which the teacher magenta sees the painting. Larger: larger strokes, and more of the"
        " photo stays; smaller: finer texture. Default: 256."
    ),
]
EachStyleOption = Annotated[
    bool,
    typer.Option("--each-style", help="Make each painting a style of its own, for a generator with several styles."),
]
TeacherOption = Annotated[
    str | None,
    typer.Option(
        help=f"What stylizes the photos. {_TEACHER_HELP}. Or your own: MODULE:FUNCTION, FILE.py:FUNCTION, or a"
        ' command such as "paint {input} {output}". Default: magenta with --style, else watercolor.'
    ),
]
TeacherFileOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="File that your own teacher reads, for example its weights. Its digest becomes part of the identity of the"
        " pair set, so pairs of two versions of the file are never mixed. Repeatable."
    ),
]
TeacherTimeoutOption = Annotated[
    float | None, typer.Option(help="Seconds that your own command may take for one photo.", min=0.1)
]
TeacherLicenceOption = Annotated[
    str, typer.Option(help="Licence of your own teacher's images, written into the manifest.")
]
ModuleOption = Annotated[
    str | None,
    typer.Option(
        help="Network of the teacher magenta: mobile (of the extra painting), full (large, fetched), or a SavedModel"
        " folder, a converted folder or an address. Default: full if it was fetched, else mobile."
    ),
]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the pair set. Overrides pairs.path.")]
SizeOption = Annotated[
    int | None, typer.Option(help="Size of the images in pixels; --fit says which side. Default: 256.")
]
FitOption = Annotated[
    Fit | None,
    typer.Option(
        help="crop: a square of --size from the photo's middle; fit: the whole photo, shrunk until its longer side"
        " is --size; keep: the photo as it is. Default: crop."
    ),
]
PreserveColorOption = Annotated[
    bool,
    typer.Option("--preserve-color", help="Keep the photo's colours, and take only the lightness of the teacher."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        help="YAML file of an experiment, or the name of a shipped one (see `pix2style config`). Its section pairs is"
        " used.",
        autocompletion=complete_config,
    ),
]
EngineOption = Annotated[
    Engine, typer.Option(help="local: in this process; ray: on a Ray cluster, one task per shard.")
]
AddressOption = Annotated[
    str | None, typer.Option(help="Address of a running Ray cluster. Default: start one on this machine.")
]
WorkersOption = Annotated[
    int | None, typer.Option(help="Number of Ray workers. Default: as many as the cluster has room for.", min=1)
]
CpusPerWorkerOption = Annotated[float | None, typer.Option(help="CPU cores of each Ray worker. Default: 1.", min=0.01)]
GpusPerWorkerOption = Annotated[float | None, typer.Option(help="GPUs of each Ray worker. Default: none.", min=0)]
ShardOption = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Do only part I of N of the work, for example 3/16. For batch systems that start N processes.",
    ),
]
PlanOnlyOption = Annotated[
    bool,
    typer.Option(
        "--plan", help="Read the photos, write the plan and stop. Saves time before many processes with --shard."
    ),
]
PreviewOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png",
        help="Stylize only four photos, write them to this image file, and print how much of the photos stays. Makes"
        " no pair set and needs no --out.",
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Read the photos and print what would be done. Writes nothing.")
]
