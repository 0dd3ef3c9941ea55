"""`pix2style eval`: stylizers side by side, in numbers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.config import Config
    from pix2style.evaluation.dataset import EvaluationDataset
    from pix2style.evaluation.report import EvalReport
    from pix2style.stylizer import Stylizer

_MAGENTA = "magenta:"


@app.command("eval")
def eval_command(
    stylizers: Annotated[
        list[str],
        typer.Argument(
            help='Any of: a filter file, a run folder (RUN or RUN@STYLE), "watercolor", "magenta:PAINTING".'
        ),
    ],
    pairs: Annotated[Path | None, typer.Option(help="A pair set: its test split, against its teacher.")] = None,
    photos: Annotated[
        list[Path] | None, typer.Option(help="Photos instead: a folder, searched recursively, or a file. Repeatable.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="With --photos: who paints the reference; the first stylizer if not given.")
    ] = None,
    style: Annotated[
        list[Path] | None, typer.Option(help="A painting whose style is the aim. Repeatable; magenta's are known.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="An experiment's YAML file.")] = None,
    max_side: Annotated[int | None, typer.Option(help="Shrink larger photos to this longer side; 512.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first so many photos only.")] = None,
    features: Annotated[
        str | None,
        typer.Option(help="Network for style: vgg19 (download), a safetensors file of VGG19 or an autoencoder, none."),
    ] = None,
    module: Annotated[
        str | None, typer.Option(help="Magenta's network: a SavedModel folder or a TF-Hub address.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a sheet of up to 8 photos and their pictures here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Measure stylizers on photos that training never saw.

    PSNR and SSIM against the teacher's pictures, distance in style, size, and milliseconds a picture; the row "photo"
    is the unchanged photo, the floor of every column.

    Exit code 1: the figures are there, but some photos could not be read; they are listed.
    """
    require("train", "pydantic", "yaml")
    settings = _resolve(config, pairs, photos, max_side, module)
    _check(stylizers, settings, teacher, sheet)
    require("train", "torch", "kornia", "safetensors")
    material = _material(settings, limit)
    loaded = _load(stylizers, settings.pairs.module)
    reference = _reference(loaded, stylizers, teacher, settings.pairs.module) if settings.eval.photos else None
    paintings = [*(style or []), *_known_paintings([*stylizers, teacher or ""], settings)]
    report = _run(loaded, material, reference, paintings, features, settings, sheet)
    _print(report, as_json=as_json)


def _resolve(
    config: Path | None, pairs: Path | None, photos: list[Path] | None, max_side: int | None, module: str | None
) -> Config:
    """The configuration with options applied; exactly one of pair set and photos is left in it."""
    from pix2style.config import load_config, parse_config

    if pairs is not None and photos:
        raise ConfigError("--pairs and --photos: give one of them")
    values = (load_config(config) if config else parse_config({})).model_dump(mode="json", exclude_unset=True)
    section, eval_section = values.setdefault("pairs", {}), values.setdefault("eval", {})
    if pairs is not None:
        section["path"], eval_section["photos"] = str(pairs), []
    if photos:
        eval_section["photos"] = [str(path) for path in photos]
    if max_side is not None:
        eval_section["max_side"] = max_side
    if module is not None:
        section["module"] = module
    return parse_config(values, source="options")


def _check(stylizers: list[str], settings: Config, teacher: str | None, sheet: Path | None) -> None:
    """What does not go together, before anything is loaded."""
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise ConfigError(f"--sheet {sheet}: a sheet is written as PNG: name it .png")
    twice = [source for source, count in Counter(stylizers).items() if count > 1]
    if twice:
        raise ConfigError(f"{twice[0]}: is named twice: name each stylizer once")
    if settings.eval.photos:
        if teacher is None and len(stylizers) == 1:
            raise ConfigError(
                "one stylizer and nothing to compare it with: name a second one, --teacher STYLIZER, or --pairs DIR"
            )
    elif settings.pairs.path is None:
        raise ConfigError("nothing to measure on: add --pairs DIR, or --photos DIR with --teacher STYLIZER")
    elif teacher is not None:
        raise ConfigError("--teacher: the pair set holds its teacher's pictures already: leave it out, or use --photos")


def _material(settings: Config, limit: int | None) -> EvaluationDataset:
    from pix2style.evaluation.dataset import PairDataset, PhotoDataset
    from pix2style.pairs.exchange.plain_folders import open_pairs

    if settings.eval.photos or settings.pairs.path is None:
        return PhotoDataset(settings.eval.photos, max_side=settings.eval.max_side, limit=limit)
    reader = open_pairs(settings.pairs.path, val_share=settings.pairs.val_share, test_share=settings.pairs.test_share)
    return PairDataset(reader, limit=limit, style=settings.pairs.learn_style)


def _load(sources: list[str], module: str | None) -> dict[str, Stylizer]:
    """Stylizers by short names: the last part of a path where that is enough to tell them apart."""
    from pix2style.loading import load_stylizer

    short = {source: _short_name(source) for source in sources}
    counts = Counter(short.values())
    names = {source: name if counts[name] == 1 else source for source, name in short.items()}
    return {names[source]: load_stylizer(source, teacher_module=module) for source in sources}


def _short_name(source: str) -> str:
    if source.startswith(_MAGENTA):
        return _MAGENTA + Path(source.removeprefix(_MAGENTA)).name
    return Path(source).name or source


def _reference(loaded: dict[str, Stylizer], sources: list[str], teacher: str | None, module: str | None) -> Stylizer:
    from pix2style.loading import load_stylizer

    if teacher is None:
        return next(iter(loaded.values()))
    if teacher in sources:
        return list(loaded.values())[sources.index(teacher)]
    return load_stylizer(teacher, teacher_module=module)


def _known_paintings(sources: list[str], settings: Config) -> list[Path]:
    named = [Path(source.removeprefix(_MAGENTA)) for source in sources if source.startswith(_MAGENTA)]
    return named + ([settings.pairs.style] if settings.pairs.style is not None else [])


def _run(
    loaded: dict[str, Stylizer],
    material: EvaluationDataset,
    reference: Stylizer | None,
    paintings: list[Path],
    features: str | None,
    settings: Config,
    sheet: Path | None,
) -> EvalReport:
    from pix2style.evaluation.evaluate import evaluate
    from pix2style.evaluation.style import load_style_metric
    from pix2style.evaluation.table import ContactSheet
    from pix2style.progress import ProgressBar

    meter, note = load_style_metric(features, settings.losses.features)
    pictures = ContactSheet()
    with ProgressBar("photos", len(material)) as bar:
        report = evaluate(
            loaded,
            material,
            reference=reference,
            style=meter,
            paintings=paintings,
            notes=[note] if note else [],
            on_pictures=pictures,
            on_progress=bar.show,
        )
    if sheet is not None:
        pictures.write(sheet)
    return report


def _print(report: EvalReport, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        from pix2style.evaluation.table import render_table

        print(render_table(report))
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)
