"""The options of `pix2style eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.common_options import complete_config, complete_filter
from pix2style.cli.infer_options import Steady

StylizersArgument = Annotated[
    list[str],
    typer.Argument(
        autocompletion=complete_filter,
        help="What to evaluate, one or several: a filter file, a name that `pix2style gallery` lists, a run folder (RUN"
        " or RUN@STYLE), watercolor, magenta:PAINTING or gatys:PAINTING.",
    ),
]
PairsOption = Annotated[
    Path | None,
    typer.Option(help="Folder of a pair set: evaluate on its test split, against its teacher's images."),
]
PhotosOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Evaluate on these photos instead: a file, or a folder that is searched recursively. Repeatable."
    ),
]
TeacherOption = Annotated[
    str | None,
    typer.Option(help="With --photos: the stylizer whose images the others are compared with. Default: the first one."),
]
StyleOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="A painting whose style the stylizers should reach. Repeatable. Paintings in the names of stylizers,"
        " as in magenta:PAINTING, are added."
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        help="YAML file of an experiment with the settings, or the name of a shipped one (see `pix2style config`).",
        autocompletion=complete_config,
    ),
]
MaxSideOption = Annotated[
    int | None,
    typer.Option(help="With --photos: shrink larger photos to this longer side, in pixels. Default: 512."),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Use only the first so many photos.")]
FeaturesOption = Annotated[
    str | None,
    typer.Option(
        help="Network for the style distance: vgg19 (of the extra vgg, else a download of 548 MB), a safetensors"
        " file with weights of VGG19 or of an autoencoder, or none. Default: losses.features of the"
        " configuration, else vgg19 if it need not be downloaded."
    ),
]
PerceptualOption = Annotated[
    bool | None,
    typer.Option(
        "--perceptual/--no-perceptual",
        help="Measure LPIPS and DISTS (extra metrics), and download the networks that are missing, AlexNet (233 MB) and"
        " VGG16 (528 MB). Default: measure what needs no download.",
    ),
]
TellApartOption = Annotated[
    bool,
    typer.Option(
        "--tell-apart",
        help="Train small networks to tell the outputs from the targets, and print how often they are right on new"
        " photos, at full and at half size: 50 % is chance. Takes about a minute for each stylizer on two cores.",
    ),
]
ModuleOption = Annotated[
    str | None,
    typer.Option(help="Magenta's network: mobile, full, a SavedModel folder, a converted folder or an address."),
]
SheetOption = Annotated[
    Path | None, typer.Option(help="Write a contact sheet (PNG) of the first 8 photos and their stylized images.")
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(help="Write a report (HTML) with the table, and the best and the worst photos of each stylizer."),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Device on which filter files and runs are computed, for example cuda or openvino (pix2style doctor lists"
        " all devices). With this option, all stylizers must be filter files or runs. Default: cpu.",
    ),
]
SteadyOption = Annotated[
    bool,
    typer.Option(
        "--steady",
        help="Measure steadiness instead: what is repainted when a photo moves, noise, and a rendered clip.",
    ),
]
ModeOption = Annotated[
    list[Steady] | None,
    typer.Option(
        help="With --steady: the mode of infer --steady that is measured (off, lock or full). Repeatable. Default: off."
    ),
]
