"""The command `pix2style eval`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.eval_options import (
    ConfigOption,
    DeviceOption,
    FeaturesOption,
    HtmlOption,
    LimitOption,
    MaxSideOption,
    ModeOption,
    ModuleOption,
    PairsOption,
    PerceptualOption,
    PhotosOption,
    SheetOption,
    SteadyOption,
    StyleOption,
    StylizersArgument,
    TeacherOption,
    TellApartOption,
)
from pix2style.cli.infer_options import Steady
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.config import Config
    from pix2style.evaluation.report import EvalReport
    from pix2style.recipes.evaluate import EvaluationOptions


@app.command("eval")
def eval_command(
    stylizers: StylizersArgument,
    pairs: PairsOption = None,
    photos: PhotosOption = None,
    teacher: TeacherOption = None,
    style: StyleOption = None,
    config: ConfigOption = None,
    max_side: MaxSideOption = None,
    limit: LimitOption = None,
    features: FeaturesOption = None,
    perceptual: PerceptualOption = None,
    tell_apart: TellApartOption = False,
    module: ModuleOption = None,
    sheet: SheetOption = None,
    html: HtmlOption = None,
    device: DeviceOption = None,
    steady: SteadyOption = False,
    mode: ModeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare filters, runs and teachers on held-out photos: fidelity, style, size and speed.

    Prints a table with PSNR and SSIM against the teacher's images, style distance, file size, and milliseconds per
    photo. The row "photo" is the unchanged photo, a baseline for the other rows. With --tell-apart, also how often a
    network can tell the outputs from the teacher's images. With --steady, how much of a picture changes that should not
    when the camera moves.

    Exit code 1: some photos could not be read. They are listed, and the metrics are those of the others.
    """
    require("train", "pydantic", "yaml")
    from pix2style.recipes.evaluate import EvaluationOptions, check_evaluation, evaluate_stylizers, takes_module

    settings = _load_settings(config, pairs, photos, max_side, module)
    options = EvaluationOptions(
        stylizers, teacher, style or (), features, perceptual, tell_apart, limit, sheet, html, device
    )
    if module is not None and not takes_module(options):
        raise ConfigError("--module: is for magenta:PAINTING and gatys:PAINTING only: leave it out")
    if steady:
        _evaluate_steadiness(settings, options, mode or [Steady.off], as_json=as_json)
        return
    if mode:
        raise ConfigError("--mode: is for --steady only: add it, or leave out --mode")
    check_evaluation(settings, options)
    require("train", "torch", "kornia", "safetensors")
    report = evaluate_stylizers(settings, options)
    _print_report(report, as_json=as_json)
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _evaluate_steadiness(
    settings: Config, options: EvaluationOptions, modes: Sequence[Steady], *, as_json: bool
) -> None:
    from pix2style.evaluation.steadiness_report import render_steadiness
    from pix2style.recipes.evaluate_steadiness import evaluate_steadiness_of
    from pix2style.steady import SteadyMode

    report = evaluate_steadiness_of(settings, options, [SteadyMode(mode.value) for mode in modes])
    print(json_text(report.to_json(), allow_nan=False) if as_json else render_steadiness(report))
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _load_settings(
    config: Path | None, pairs: Path | None, photos: list[Path] | None, max_side: int | None, module: str | None
) -> Config:
    """Load the configuration and apply the options; an option for pairs replaces configured photos."""
    from pix2style.config import load_config, parse_config

    if pairs is not None and photos:
        raise ConfigError("--pairs and --photos: give one of them, not both")
    values = (load_config(config) if config else parse_config({})).model_dump(mode="json", exclude_unset=True)
    pairs_section, eval_section = values.setdefault("pairs", {}), values.setdefault("eval", {})
    if pairs is not None:
        pairs_section["path"], eval_section["photos"] = str(pairs), []
    if photos:
        eval_section["photos"] = [str(path) for path in photos]
    if max_side is not None:
        eval_section["max_side"] = max_side
    if module is not None:
        pairs_section["module"] = module
    settings = parse_config(values, source="options")
    if max_side is not None and settings.pairs.path is not None and not settings.eval.photos:
        raise ConfigError(
            "--max-side: is for --photos only, because pairs have the size of their targets: leave it out"
        )
    return settings


def _print_report(report: EvalReport, *, as_json: bool) -> None:
    if as_json:
        print(json_text(report.to_json(), allow_nan=False))
        return
    from pix2style.evaluation.table import render_table

    print(render_table(report))
