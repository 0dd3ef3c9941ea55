"""`pix2style make-pairs`: photos and a painting become a pair set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig
    from pix2style.pairs.manifest import Failure
    from pix2style.pairs.report import BuildReport, Preview
    from pix2style.stylizer import Stylizer

_SHOWN_FAILURES = 20


@app.command("make-pairs")
def make_pairs_command(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings, for example pairs.format=jpeg.")
    ] = None,
    content: Annotated[
        list[Path] | None, typer.Option(help="Folder of photos, searched recursively, or a photo. Repeatable.")
    ] = None,
    style: Annotated[Path | None, typer.Option(help="The painting, for the magenta teacher.")] = None,
    teacher: Annotated[
        str | None,
        typer.Option(help="watercolor (built in, takes no painting) or magenta (the default where there is --style)."),
    ] = None,
    module: Annotated[
        str | None, typer.Option(help="Magenta's network: a SavedModel folder or a TF-Hub address.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The pair set's folder; pairs.path in a config.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the square pairs in pixels; 256 if not given.")] = None,
    config: Annotated[Path | None, typer.Option(help="An experiment's YAML file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be painted; paint nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Let a teacher paint photos: the pairs that train learns from.

    Can be stopped at any moment: the same command goes on where it was.

    Exit code 1: the set is finished, but some files could not be read; they are listed.
    """
    require("pairs", "pydantic", "yaml")
    options = {"content": content, "style": style, "teacher": teacher, "module": module, "path": out, "size": size}
    settings = resolve(config, overrides or [], options)
    _run(settings, dry_run=dry_run, as_json=as_json)


def _run(settings: PairsConfig, *, dry_run: bool, as_json: bool) -> None:
    folder = _folder_of(settings)
    # Before any photo is read: what cannot be loaded must not be found out after an hour of hashing.
    painter = _load_teacher(settings)
    from pix2style.pairs.build import make_pairs, preview_pairs
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        # The split's seed stays 0 whatever the experiment's: runs with other seeds hold out the same photos.
        if dry_run:
            preview = preview_pairs(settings, painter, folder, on_progress=progress)
        else:
            report = make_pairs(settings, painter, folder, on_progress=progress)
    if dry_run:
        _print_preview(preview, as_json)
    else:
        _print_report(report, as_json)


def resolve(config: Path | None, overrides: list[str], options: dict[str, Any]) -> PairsConfig:
    """The section `pairs` of a file, with overrides and then options applied.

    Args:
        config: YAML file, if any.
        overrides: `section.key=value` texts.
        options: values by key of the section; None: not given.

    Raises:
        ConfigError: something is wrong or does not go together; names the key.
    """
    from pix2style.config import load_config, parse_config

    loaded = load_config(config, overrides) if config else parse_config({}, source="override", overrides=overrides)
    given = {
        key: [str(one) for one in value]
        if isinstance(value, list)
        else str(value)
        if isinstance(value, Path)
        else value
        for key, value in options.items()
        if value is not None and value != []
    }
    section = {**loaded.pairs.model_dump(mode="json", exclude_unset=True), **given}
    if section.get("style") is not None and section.get("teacher") is None:
        section["teacher"] = "magenta"  # the only teacher that takes a painting
    settings = parse_config({"pairs": section}, source="options").pairs
    if settings.teacher == "magenta" and settings.style is None:
        raise ConfigError("[pairs -> style] the magenta teacher needs a painting: add --style FILE")
    if settings.teacher == "watercolor" and settings.style is not None:
        raise ConfigError(
            "[pairs -> style] the watercolor teacher paints in its own style and takes no painting: use --teacher"
            " magenta, or leave out --style"
        )
    return settings


def _folder_of(settings: PairsConfig) -> Path:
    if settings.path is None:
        raise ConfigError("[pairs -> path] no place for the pair set: add --out DIR, or set pairs.path")
    if not settings.content:
        raise ConfigError("[pairs -> content] no photos: add --content DIR, or set pairs.content")
    return settings.path


def _load_teacher(settings: PairsConfig) -> Stylizer:
    from pix2style.loading import load_stylizer

    if settings.teacher == "watercolor":
        return load_stylizer("watercolor")
    return load_stylizer(f"magenta:{settings.style}", teacher_module=settings.module)


def _print_preview(preview: Preview, as_json: bool) -> None:
    if as_json:
        print(json.dumps(preview.to_json(), indent=2, ensure_ascii=False))
        return
    plan, counts = preview.plan, preview.plan.splits
    print(f"would paint {counts.total} photos at {plan.size} px with {plan.teacher.name}")
    print(f"  splits  train {counts.train}, val {counts.val}, test {counts.test}")
    print(f"  into    {preview.out} ({preview.state}; {preview.finished_shards} of {len(plan.shards())} shards done)")
    _print_aside(preview.notes, plan.unreadable)


def _print_report(report: BuildReport, as_json: bool) -> None:
    counts = report.manifest.pairs
    if as_json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    elif report.already_finished:
        print(f"{report.out}: already finished ({counts.total} pairs); nothing was changed")
    else:
        kept = f" and kept {report.kept} from before" if report.kept else ""
        print(
            f"painted {report.painted} pairs{kept} in {report.seconds:.1f} s ({report.pairs_per_second:.1f} pairs/s)"
            f" with {report.manifest.teacher.name}"
        )
        print(f"  splits  train {counts.train}, val {counts.val}, test {counts.test}")
        print(f"  failed  {len(report.manifest.failures)}")
        print(f"  where   {report.out}")
    _print_aside([] if as_json else report.notes, report.manifest.failures)
    if report.manifest.failures and not report.already_finished:
        raise typer.Exit(EXIT_SOME_FAILED)


def _print_aside(notes: list[str], failures: tuple[Failure, ...]) -> None:
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    for failure in failures[:_SHOWN_FAILURES]:
        typer.echo(f"failed: {failure.source}: {failure.reason}", err=True)
    if len(failures) > _SHOWN_FAILURES:
        typer.echo(f"failed: {len(failures) - _SHOWN_FAILURES} more files: see manifest.json", err=True)
