"""The command `pix2style stylize`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2style.cli import stylize_options as opts
from pix2style.cli.app import app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError, require
from pix2style.plural import counted

if TYPE_CHECKING:
    from pix2style.teachers.gatys.settings import GatysSettings
    from pix2style.teachers.gatys.stylize_file import StylizeJob, StylizeReport
    from pix2style.teachers.gatys.teacher import OptimizationStep
    from pix2style.teachers.style import StyleBlend


@app.command("stylize")
def stylize_command(
    content: opts.ContentArgument,
    styles: opts.StylesArgument,
    out: opts.OutOption,
    preset: opts.PresetOption = None,
    weights: opts.WeightsOption = None,
    content_layer: opts.ContentLayerOption = None,
    style_layers: opts.StyleLayersOption = None,
    content_weight: opts.ContentWeightOption = None,
    style_weight: opts.StyleWeightOption = None,
    tv_weight: opts.TvWeightOption = None,
    normalization: opts.NormalizationOption = None,
    optimizer: opts.OptimizerOption = None,
    learning_rate: opts.LearningRateOption = None,
    steps: opts.StepsOption = None,
    fine_steps: opts.FineStepsOption = None,
    coarse_side: opts.CoarseSideOption = None,
    start: opts.StartOption = None,
    seed: opts.SeedOption = None,
    pooling: opts.PoolingOption = None,
    painting_scale: opts.PaintingScaleOption = None,
    precision: opts.PrecisionOption = opts.Precision.fp32,
    blend: opts.BlendOption = None,
    strength: opts.StrengthOption = 1.0,
    max_side: opts.MaxSideOption = None,
    keep_colors: opts.KeepColorsOption = False,
    intermediate: opts.IntermediateOption = None,
    save_every: opts.SaveEveryOption = None,
    quality: opts.QualityOption = 95,
    as_json: JsonOption = False,
) -> None:
    """Stylize one photo after a painting by optimisation (Gatys et al.), without any training.

    Takes minutes on a CPU. The result has the size of the photo. After Ctrl-C only intermediate images are left.
    """
    require("train", "torch", "safetensors")
    from pix2style.teachers.gatys.stylize_file import StylizeJob
    from pix2style.teachers.gatys.teacher import pick_precision

    if preset is None:
        # From noise, as the paper's preset starts, images are still grainy after 500 steps.
        preset, start = opts.Preset.gatys_2015, start or "content"
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
        "precision": pick_precision() if precision is opts.Precision.auto else precision.value,
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
        print(json_text(dataclasses.asdict(report), default=str))
        return
    sizes = f" at {report.levels} sizes" if report.levels > 1 else ""
    print(
        f"{report.out}: {report.width_px}x{report.height_px}, {counted(report.steps, 'step')}{sizes} in"
        f" {report.seconds:.1f} s;"
        f" content loss {report.content_loss:.4g}, style loss {report.style_loss:.4g}"
    )
