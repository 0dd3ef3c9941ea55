"""The command `pix2style stylize`."""

from __future__ import annotations

import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pix2style.cli.app import app
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.teachers.gatys.settings import GatysSettings
    from pix2style.teachers.gatys.stylize_file import StylizeJob, StylizeReport
    from pix2style.teachers.gatys.teacher import OptimizationStep
    from pix2style.teachers.style import StyleBlend


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


@app.command("stylize")
def stylize_command(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="Image file of the photo.")],
    styles: Annotated[
        list[Path],
        typer.Argument(metavar="STYLE...", help="Image file of the painting. Several are blended, see --blend."),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Image file to write. Its suffix is .png, .jpg, .webp or .tif.")
    ],
    preset: Annotated[
        Preset,
        typer.Option(
            help="Settings to start from; the options below change single ones. gatys-2015: the paper's, with L-BFGS;"
            " adam-7000: 7000 steps of Adam; shallow: only layers up to conv3_1."
        ),
    ] = Preset.gatys_2015,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Safetensors file with the weights of VGG19. Default: torchvision's, downloaded once (548 MB)."
        ),
    ] = None,
    content_layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=WEIGHT]",
            help="VGG19 layer of the content loss, for example conv4_2. Repeatable. Default: the preset's.",
        ),
    ] = None,
    style_layers: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[=WEIGHT],...",
            help="VGG19 layers of the style loss, for example conv1_1,conv2_1=0.5. Default: the preset's.",
        ),
    ] = None,
    content_weight: Annotated[
        float | None, typer.Option(help="Weight of the content loss (alpha in the paper). Default: the preset's.")
    ] = None,
    style_weight: Annotated[
        float | None, typer.Option(help="Weight of the style loss (beta in the paper). Default: the preset's.")
    ] = None,
    tv_weight: Annotated[
        float | None,
        typer.Option(help="Weight of total variation; larger values give smoother images. Default: the preset's."),
    ] = None,
    normalization: Annotated[
        Normalization | None,
        typer.Option(
            help="paper: losses are sums, as in the paper; mean: losses are means over all entries. The weights have"
            " another scale in each. Default: the preset's."
        ),
    ] = None,
    optimizer: Annotated[
        Optimizer | None, typer.Option(help="L-BFGS with line search, or Adam. Default: the preset's.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate, for pixel values in [0, 1]. Default: the optimizer's.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimisation steps at the smallest size. Default: the preset's.")
    ] = None,
    fine_steps: Annotated[
        int | None, typer.Option(help="Optimisation steps at each larger size. Default: the preset's.")
    ] = None,
    coarse_side: Annotated[
        int | None,
        typer.Option(
            help="Optimise coarse to fine: halve the photo until its longer side has at most so many pixels, and start"
            " there. 0: optimise at full size only. Default: the preset's."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="content|noise|FILE",
            help="Image to start from: the photo, noise, or a file. Default: the preset's.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the noise, with --start noise. Default: 0.")] = None,
    pooling: Annotated[
        Pooling | None,
        typer.Option(help="Pooling in VGG19: max, as it was trained, or average, which the paper prefers."),
    ] = None,
    painting_scale: Annotated[
        float | None,
        typer.Option(
            help="Longer side of the painting relative to the photo's. Below 1 the brush strokes are smaller."
            " Default: 1."
        ),
    ] = None,
    blend: Annotated[
        str | None, typer.Option(metavar="W,W...", help="Weights of several paintings, for example 0.7,0.3.")
    ] = None,
    strength: Annotated[
        float, typer.Option(help="How much of the painting's style: from 0 (the photo's own style) to 1.")
    ] = 1.0,
    max_side: Annotated[
        int | None, typer.Option(min=1, help="First shrink the photo to this longer side, in pixels.")
    ] = None,
    keep_colors: Annotated[
        bool, typer.Option("--keep-colors", help="Keep the photo's colours, and take only the lightness of the result.")
    ] = False,
    intermediate: Annotated[
        Path | None, typer.Option(help="Folder for intermediate images, named step-000050.png and so on.")
    ] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between intermediate images. Default: 50.")] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG and WebP files.")] = 95,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")] = False,
) -> None:
    """Stylize one photo after a painting by optimisation (Gatys et al.), without any training.

    Takes minutes on a CPU. The result has the size of the photo. After Ctrl-C only intermediate images are left.
    """
    require("train", "torch", "safetensors")
    from pix2style.teachers.gatys.stylize_file import StylizeJob

    start_name, start_file = _parse_start(start)
    changes = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "variation_weight": tv_weight,
        "normalization": normalization and normalization.value,
        "optimizer": optimizer and optimizer.value,
        "learning_rate": learning_rate,
        "steps": steps,
        "fine_steps": fine_steps,
        "coarse_side_px": coarse_side,
        "seed": seed,
        "pooling": pooling and pooling.value,
        "painting_scale": painting_scale,
        "start": start_name,
    }
    job = StylizeJob(
        content=content,
        style=_parse_style(styles, blend, strength),
        out=out,
        settings=_parse_settings(preset.value, content_layer or [], style_layers, changes),
        weights=weights,
        start=start_file,
        keep_colors=keep_colors,
        max_side_px=max_side,
        intermediate=intermediate,
        save_every=save_every,
        quality=quality,
    )
    _print_report(_run(job), as_json=as_json)


def _parse_settings(
    preset_name: str, content_layer: list[str], style_layers: str | None, changes: dict[str, Any]
) -> GatysSettings:
    from pix2style.teachers.gatys.settings import parse_layers, preset

    return preset(
        preset_name,
        **changes,
        content_layers=parse_layers(",".join(content_layer)) if content_layer else None,
        style_layers=parse_layers(style_layers) if style_layers is not None else None,
    )


def _parse_style(paintings: list[Path], blend: str | None, strength: float) -> StyleBlend:
    from pix2style.teachers.style import StyleBlend

    style = StyleBlend.from_paintings(*paintings, strength=strength)
    if blend is None:
        return style
    try:
        weights = tuple(float(weight) for weight in blend.split(","))
    except ValueError as error:
        raise ConfigError(
            f"[stylize -> blend] {blend!r}: expected one number for each painting, for example 0.7,0.3"
        ) from error
    return dataclasses.replace(style, weights=weights)


def _parse_start(start: str | None) -> tuple[str | None, Path | None]:
    """Return the setting `start` and no file, or no setting and the file to start from."""
    return (start, None) if start in (None, "content", "noise") else (None, Path(str(start)))


def _run(job: StylizeJob) -> StylizeReport:
    from pix2style.progress import ProgressBar
    from pix2style.teachers.gatys.stylize_file import stylize_file

    saved: list[Path] = []
    bar = ProgressBar("steps", job.settings.steps)

    def show(step: OptimizationStep) -> None:
        bar.set_counts(step.step, step.total_steps)
        losses = f"content {step.content_loss:.4g}, style {step.style_loss:.4g}"
        bar.advance(0, status=f"loss {step.total_loss:.4g} ({losses})")

    try:
        with bar:
            return stylize_file(job, show, saved.append)
    except KeyboardInterrupt:
        advice = f"; to continue from the last intermediate image, add --start {saved[-1]}" if saved else ""
        print(f"note: {job.out} was not written{advice}", file=sys.stderr)
        raise


def _print_report(report: StylizeReport, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(report), indent=2, ensure_ascii=False, default=str))
        return
    sizes = f" at {report.levels} sizes" if report.levels > 1 else ""
    print(
        f"{report.out}: {report.width_px}x{report.height_px}, {report.steps} steps{sizes} in {report.seconds:.1f} s;"
        f" content loss {report.content_loss:.4g}, style loss {report.style_loss:.4g}"
    )
