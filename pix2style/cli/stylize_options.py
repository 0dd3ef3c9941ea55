"""Arguments and options of `stylize`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Preset(StrEnum):
    """Values of `--preset`."""

    gatys_2015 = "gatys-2015"
    adam_7000 = "adam-7000"
    shallow = "shallow"


class Optimizer(StrEnum):
    """Values of `--optimizer`."""

    lbfgs = "lbfgs"
    adam = "adam"


class Pooling(StrEnum):
    """Values of `--pooling`."""

    max = "max"
    average = "average"


class Normalization(StrEnum):
    """Values of `--normalization`."""

    paper = "paper"
    mean = "mean"


class Precision(StrEnum):
    """Values of `--precision`."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


ContentArgument = Annotated[Path, typer.Argument(metavar="CONTENT", help="Image file of the photo.")]
StylesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="STYLE...", help="Image file of the painting. Several are blended, see --blend."),
]
OutOption = Annotated[
    Path, typer.Option("-o", "--out", help="Image file to write. Its suffix is .png, .jpg, .webp or .tif.")
]
PresetOption = Annotated[
    Preset | None,
    typer.Option(
        help="Settings as published; the options below change single ones. gatys-2015: the paper's, L-BFGS from noise;"
        " adam-7000: 7000 steps of Adam from the photo; shallow: only layers up to conv3_1, from the photo. Default:"
        " gatys-2015, but from the photo, which is cleaner after fewer steps."
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        help="Safetensors file with the weights of VGG19. Default: those that torchvision downloaded before, or of the"
        " extra vgg, or else torchvision's, downloaded once (548 MB)."
    ),
]
ContentLayerOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[=WEIGHT]",
        help="VGG19 layer of the content loss, for example conv4_2. Repeatable. Default: the preset's.",
    ),
]
StyleLayersOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[=WEIGHT],...",
        help="VGG19 layers of the style loss, for example conv1_1,conv2_1=0.5. Default: the preset's.",
    ),
]
ContentWeightOption = Annotated[
    float | None, typer.Option(help="Weight of the content loss (alpha in the paper). Default: the preset's.")
]
StyleWeightOption = Annotated[
    float | None, typer.Option(help="Weight of the style loss (beta in the paper). Default: the preset's.")
]
TvWeightOption = Annotated[
    float | None,
    typer.Option(help="Weight of total variation; larger values give smoother images. Default: the preset's."),
]
NormalizationOption = Annotated[
    Normalization | None,
    typer.Option(
        help="paper: losses are sums, as in the paper; mean: losses are means over all entries. The weights have"
        " another scale in each. Default: the preset's."
    ),
]
OptimizerOption = Annotated[
    Optimizer | None, typer.Option(help="L-BFGS with line search, or Adam. Default: the preset's.")
]
LearningRateOption = Annotated[
    float | None, typer.Option(help="Learning rate, for pixel values in [0, 1]. Default: the optimizer's.")
]
StepsOption = Annotated[
    int | None, typer.Option(help="Optimisation steps at the smallest size. Default: the preset's.")
]
FineStepsOption = Annotated[
    int | None, typer.Option(help="Optimisation steps at each larger size. Default: the preset's.")
]
CoarseSideOption = Annotated[
    int | None,
    typer.Option(
        help="Optimise coarse to fine: halve the photo until its longer side has at most so many pixels, and start"
        " there. 0: optimise at full size only. Default: the preset's."
    ),
]
StartOption = Annotated[
    str | None,
    typer.Option(
        metavar="content|noise|FILE",
        help="Image to start from: the photo, noise, or a file. Default: that of --preset, or else the photo.",
    ),
]
SeedOption = Annotated[int | None, typer.Option(help="Seed of the noise, with --start noise. Default: 0.")]
PoolingOption = Annotated[
    Pooling | None,
    typer.Option(help="Pooling in VGG19: max, as it was trained, or average, which the paper prefers."),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        help="fp32: VGG19 in float32; bf16: in bfloat16, except in the last tenth of the steps, for a slightly larger"
        " loss; auto: bf16 where the processor multiplies it natively."
    ),
]
PaintingScaleOption = Annotated[
    float | None,
    typer.Option(
        help="Longer side of the painting relative to the photo's. Below 1 the brush strokes are smaller. Default: 1."
    ),
]
BlendOption = Annotated[
    str | None, typer.Option(metavar="W,W...", help="Weights of several paintings, for example 0.7,0.3.")
]
StrengthOption = Annotated[
    float, typer.Option(help="How much of the painting's style: from 0 (the photo's own style) to 1.")
]
MaxSideOption = Annotated[
    int | None, typer.Option(min=1, help="First shrink the photo to this longer side, in pixels.")
]
KeepColorsOption = Annotated[
    bool, typer.Option("--keep-colors", help="Keep the photo's colours, and take only the lightness of the result.")
]
IntermediateOption = Annotated[
    Path | None, typer.Option(help="Folder for intermediate images, named step-000050.png and so on.")
]
SaveEveryOption = Annotated[int | None, typer.Option(help="Steps between intermediate images. Default: 50.")]
QualityOption = Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG and WebP files.")]
