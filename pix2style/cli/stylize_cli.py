"""`pix2style stylize`: one picture by Gatys's optimisation."""

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
    from pix2style.teachers.gatys.single import StylizeJob, StylizeReport
    from pix2style.teachers.gatys.teacher import Step


class Preset(StrEnum):
    """What `--preset` takes."""

    gatys_2015 = "gatys-2015"
    adam_7000 = "adam-7000"
    shallow = "shallow"


class Optimizer(StrEnum):
    """What `--optimizer` takes."""

    lbfgs = "lbfgs"
    adam = "adam"


class Pooling(StrEnum):
    """What `--pooling` takes."""

    max = "max"
    average = "average"


class Normalization(StrEnum):
    """What `--normalization` takes."""

    paper = "paper"
    mean = "mean"


@app.command("stylize")
def stylize_command(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photo.")],
    styles: Annotated[
        list[Path], typer.Argument(metavar="STYLE...", help="The painting; several are blended, see --blend.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="A picture file (.png, .jpg, .webp, .tif).")],
    preset: Annotated[Preset, typer.Option(help="Where all other settings come from.")] = Preset.gatys_2015,
    weights: Annotated[
        Path | None,
        typer.Option(help="VGG19's weights, a safetensors file; else torchvision's, downloaded once (548 MB)."),
    ] = None,
    content_layer: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=WEIGHT]", help="Whose activations stay the photo's. Repeatable.")
    ] = None,
    style_layers: Annotated[
        str | None,
        typer.Option(metavar="NAME[=WEIGHT],...", help="Whose Gram matrices become the painting's."),
    ] = None,
    content_weight: Annotated[float | None, typer.Option(help="The paper's alpha.")] = None,
    style_weight: Annotated[float | None, typer.Option(help="The paper's beta.")] = None,
    tv_weight: Annotated[float | None, typer.Option(help="Of total variation: more is smoother.")] = None,
    normalization: Annotated[
        Normalization | None, typer.Option(help="The paper's sums, or means over entries; moves all weights.")
    ] = None,
    optimizer: Annotated[Optimizer | None, typer.Option(help="L-BFGS with line search, or Adam.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Adam's, for a picture in [0, 1].")] = None,
    steps: Annotated[int | None, typer.Option(help="At the smallest size.")] = None,
    fine_steps: Annotated[int | None, typer.Option(help="At each larger size.")] = None,
    coarse_side: Annotated[
        int | None, typer.Option(help="Photos with longer sides are halved until they fit, then enlarged; 0: never.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="content|noise|FILE", help="What to start from.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the noise.")] = None,
    pooling: Annotated[Pooling | None, typer.Option(help="In VGG19; the paper preferred average.")] = None,
    painting_scale: Annotated[
        float | None, typer.Option(help="The painting's longer side over the photo's; smaller strokes below 1.")
    ] = None,
    blend: Annotated[str | None, typer.Option(metavar="W,W...", help="Shares of several paintings.")] = None,
    strength: Annotated[float, typer.Option(help="0 (the photo's own style) to 1 (the painting's).")] = 1.0,
    max_side: Annotated[int | None, typer.Option(min=1, help="Shrink the photo first to this longer side.")] = None,
    keep_colors: Annotated[bool, typer.Option("--keep-colors", help="The photo's own colours.")] = False,
    intermediate: Annotated[Path | None, typer.Option(help="Folder for pictures on the way.")] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between them; 50 if not given.")] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP files.")] = 95,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Paint one photo like a painting, by Gatys's optimisation: minutes on a CPU, nothing to train.

    The picture has the photo's size. Ctrl-C: OUT is not written, intermediate pictures stay.
    """
    require("train", "torch", "safetensors")
    from pix2style.teachers.gatys.single import StylizeJob

    changes = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "variation_weight": tv_weight,
        "normalization": _text(normalization),
        "optimizer": _text(optimizer),
        "learning_rate": learning_rate,
        "steps": steps,
        "fine_steps": fine_steps,
        "coarse_side_px": coarse_side,
        "seed": seed,
        "pooling": _text(pooling),
        "painting_scale": painting_scale,
    }
    named, start_file = _start(start)
    job = StylizeJob(
        content=content,
        style=_style(styles, blend, strength),
        out=out,
        settings=_settings(preset, content_layer or [], style_layers, {**changes, "start": named}),
        weights=weights,
        start=start_file,
        keep_colors=keep_colors,
        max_side_px=max_side,
        intermediate=intermediate,
        save_every=save_every,
        quality=quality,
    )
    _print(_run(job), as_json)


def _settings(name: str, content_layer: list[str], style_layers: str | None, changes: dict[str, Any]) -> GatysSettings:
    from pix2style.teachers.gatys.settings import parse_layers, preset

    return preset(
        name,
        **changes,
        content_layers=parse_layers(",".join(content_layer)) if content_layer else None,
        style_layers=parse_layers(style_layers) if style_layers is not None else None,
    )


def _style(paintings: list[Path], blend: str | None, strength: float) -> Any:
    from pix2style.teachers.style import StyleBlend

    style = StyleBlend.of(*paintings, strength=strength)
    if blend is None:
        return style
    try:
        shares = tuple(float(part) for part in blend.split(","))
    except ValueError as error:
        raise ConfigError(f"[stylize -> blend] {blend!r}: write one number a painting, as 0.7,0.3") from error
    return dataclasses.replace(style, weights=shares)


def _start(start: str | None) -> tuple[str | None, Path | None]:
    """The setting, and the file if it names one."""
    return (start, None) if start in (None, "content", "noise") else (None, Path(str(start)))


def _text(choice: StrEnum | None) -> str | None:
    return None if choice is None else str(choice)


def _run(job: StylizeJob) -> StylizeReport:
    from pix2style.progress import ProgressBar
    from pix2style.teachers.gatys.single import stylize_file

    saved: list[Path] = []
    bar = ProgressBar("steps", job.settings.steps)

    def show(step: Step) -> None:
        bar.set_counts(step.number, step.total)
        bar.advance(0, status=f"loss {step.loss:.4g} (content {step.content:.4g}, style {step.style:.4g})")

    try:
        with bar:
            return stylize_file(job, show, saved.append)
    except KeyboardInterrupt:
        hint = f"; to go on from the last intermediate picture: --start {saved[-1]}" if saved else ""
        print(f"note: {job.out} was not written{hint}", file=sys.stderr)
        raise


def _print(report: StylizeReport, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(report), indent=2, ensure_ascii=False, default=str))
        return
    sizes = f" at {report.levels} sizes" if report.levels > 1 else ""
    print(
        f"{report.out}: {report.width_px}x{report.height_px}, {report.steps} steps{sizes} in {report.seconds:.1f} s;"
        f" content loss {report.content_loss:.4g}, style loss {report.style_loss:.4g}"
    )
