"""The command `pix2style eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.common_options import JsonOption, complete_config
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.config import Config
    from pix2style.evaluation.report import EvalReport


@app.command("eval")
def eval_command(
    stylizers: Annotated[
        list[str],
        typer.Argument(
            help="What to evaluate, one or several: a filter file, a run folder (RUN or RUN@STYLE), watercolor,"
            " magenta:PAINTING or gatys:PAINTING."
        ),
    ],
    pairs: Annotated[
        Path | None,
        typer.Option(help="Folder of a pair set: evaluate on its test split, against its teacher's images."),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(
            help="Evaluate on these photos instead: a file, or a folder that is searched recursively. Repeatable."
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="With --photos: the stylizer whose images the others are compared with. Default: the first one."
        ),
    ] = None,
    style: Annotated[
        list[Path] | None,
        typer.Option(
            help="A painting whose style the stylizers should reach. Repeatable. Paintings in the names of stylizers,"
            " as in magenta:PAINTING, are added."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of an experiment with the settings, or the name of a shipped one (see `pix2style config`).",
            autocompletion=complete_config,
        ),
    ] = None,
    max_side: Annotated[
        int | None,
        typer.Option(help="With --photos: shrink larger photos to this longer side, in pixels. Default: 512."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first so many photos.")] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="Network for the style distance: vgg19 (of the extra vgg, else a download of 548 MB), a safetensors"
            " file with weights of VGG19 or of an autoencoder, or none. Default: losses.features of the"
            " configuration, else vgg19 if it need not be downloaded."
        ),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(help="Magenta's network: mobile, full, a SavedModel folder, a converted folder or an address."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet (PNG) of the first 8 photos and their stylized images.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare filters, runs and teachers on held-out photos: fidelity, style, size and speed.

    Prints a table with PSNR and SSIM against the teacher's images, style distance, file size, and milliseconds per
    photo. The row "photo" is the unchanged photo, a baseline for the other rows.

    Exit code 1: some photos could not be read. They are listed, and the figures are those of the others.
    """
    require("train", "pydantic", "yaml")
    from pix2style.recipes.evaluate import EvaluationOptions, check_evaluation, evaluate_stylizers

    settings = _load_settings(config, pairs, photos, max_side, module)
    options = EvaluationOptions(stylizers, teacher, style or (), features, limit, sheet)
    check_evaluation(settings, options)
    require("train", "torch", "kornia", "safetensors")
    report = evaluate_stylizers(settings, options)
    _print_report(report, as_json=as_json)
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
    return parse_config(values, source="options")


def _print_report(report: EvalReport, *, as_json: bool) -> None:
    if as_json:
        print(json_text(report.to_json(), allow_nan=False))
        return
    from pix2style.evaluation.table import render_table

    print(render_table(report))
