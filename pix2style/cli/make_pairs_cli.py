"""`pix2style make-pairs`: photos and a painting become a pair set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.make_pairs_options import StyleOptions, custom_teacher, resolve
from pix2style.cli.make_pairs_print import print_preview, print_report, print_slice
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig
    from pix2style.pairs.build.engines.ray_cluster import RayCluster
    from pix2style.teachers.recipe import TeacherRecipe


class Fit(StrEnum):
    """See `PairsConfig.fit`."""

    crop = "crop"
    fit = "fit"
    keep = "keep"


class Engine(StrEnum):
    """Who makes the shards."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True, slots=True)
class _Work:
    """How to work; none of it changes the result."""

    engine: Engine
    address: str | None
    workers: int | None
    cpus_per_worker: float
    gpus_per_worker: float
    part: str | None
    plan_only: bool
    dry_run: bool


@app.command("make-pairs")
def make_pairs_command(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings, for example pairs.format=jpeg.")
    ] = None,
    content: Annotated[
        list[Path] | None, typer.Option(help="Folder of photos, searched recursively, or a photo. Repeatable.")
    ] = None,
    style: Annotated[
        list[Path] | None, typer.Option(help="The painting. Several together are one style, blended.")
    ] = None,
    weight: Annotated[list[float] | None, typer.Option(help="How much each painting counts in a blend.")] = None,
    strength: Annotated[
        float | None, typer.Option(help="From 0, the photo's own style, to 1, the paintings'.", min=0, max=1)
    ] = None,
    each_style: Annotated[
        bool, typer.Option("--each-style", help="Each painting is a style of its own: for a multi-style generator.")
    ] = False,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="watercolor (built in, takes no painting), magenta (the default where there is --style), gatys; or"
            ' your own: module:function, file.py:function, or a command such as "paint {input} {output}".'
        ),
    ] = None,
    teacher_file: Annotated[
        list[Path] | None, typer.Option(help="A file that your own teacher reads: the set belongs to its content.")
    ] = None,
    teacher_timeout: Annotated[
        float | None, typer.Option(help="Seconds that your own command may take for a photo.", min=0.1)
    ] = None,
    teacher_licence: Annotated[str, typer.Option(help="Licence of what your own teacher paints.")] = "",
    module: Annotated[
        str | None, typer.Option(help="Magenta's network: a folder or a TF-Hub address (see pix2style teacher).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The pair set's folder; pairs.path in a config.")] = None,
    size: Annotated[int | None, typer.Option(help="Of the pictures in pixels, see --fit; 256 if not given.")] = None,
    fit: Annotated[
        Fit | None,
        typer.Option(help="crop to a square of --size (the default), fit the longer side into it, or keep the photo."),
    ] = None,
    preserve_color: Annotated[
        bool, typer.Option("--preserve-color", help="Keep the photo's colours; take only the teacher's lightness.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="An experiment's YAML file.")] = None,
    engine: Annotated[Engine, typer.Option(help="local, or ray: on a cluster, each shard a task.")] = Engine.local,
    address: Annotated[str | None, typer.Option(help="Of a running Ray cluster; none: one on this machine.")] = None,
    workers: Annotated[int | None, typer.Option(help="Of the cluster; none: as many as fit.", min=1)] = None,
    cpus_per_worker: Annotated[float, typer.Option(help="Processors of each worker.", min=0.01)] = 1.0,
    gpus_per_worker: Annotated[float, typer.Option(help="Graphics processors of each worker.", min=0)] = 0.0,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Make only the i-th of n parts: for batch systems.")
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Hash the photos and write the plan; paint nothing. Before many --shard.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be painted; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Let a teacher paint photos: the pairs that train learns from.

    Can be stopped at any moment: the same command goes on where it was.

    Exit code 1: the set is finished, but some files could not be read; they are listed.
    """
    require("pairs", "pydantic", "yaml")
    custom = custom_teacher(teacher, teacher_file or [], teacher_timeout, teacher_licence)
    options = {"content": content, "module": module, "path": out, "size": size, "fit": fit and fit.value}
    options |= {"teacher": None if custom else teacher, "preserve_color": preserve_color or None}
    painting = StyleOptions(style or (), weight or (), strength, each_style)
    from pix2style.teachers.recipe import TeacherRecipe

    recipe = TeacherRecipe(resolve(config, overrides or [], options, painting), custom)
    work = _Work(engine, address, workers, cpus_per_worker, gpus_per_worker, shard, plan_only, dry_run)
    _run(recipe, work, as_json=as_json)


def _run(recipe: TeacherRecipe, work: _Work, *, as_json: bool) -> None:
    from pix2style.pairs.build.make_pairs import Slice, make_pairs, make_slice, plan_pairs, preview_pairs
    from pix2style.progress import StagedProgress

    settings = recipe.settings
    folder, cluster = _folder_of(settings), _cluster(recipe, work)
    part = None if work.part is None else Slice.parse(work.part)
    # Before any photo is read: what cannot be loaded must not be found out after an hour of hashing.
    teachers = recipe.load()
    # The split's seed stays 0 whatever the experiment's: runs with other seeds hold out the same photos.
    with StagedProgress() as progress:
        if work.dry_run or work.plan_only:
            act = preview_pairs if work.dry_run else plan_pairs
            preview = act(settings, teachers, folder, on_progress=progress)
        elif part is not None:
            slice_report = make_slice(settings, teachers, folder, part, on_progress=progress)
        else:
            report = make_pairs(settings, teachers, folder, cluster=cluster, on_progress=progress)
    if work.dry_run or work.plan_only:
        print_preview(preview, planned=work.plan_only, as_json=as_json)
    elif part is not None:
        print_slice(slice_report, as_json=as_json)
    elif print_report(report, as_json=as_json):
        raise typer.Exit(EXIT_SOME_FAILED)


def _folder_of(settings: PairsConfig) -> Path:
    if settings.path is None:
        raise ConfigError("[pairs -> path] no place for the pair set: add --out DIR, or set pairs.path")
    if not settings.content:
        raise ConfigError("[pairs -> content] no photos: add --content DIR, or set pairs.content")
    return settings.path


def _cluster(recipe: TeacherRecipe, work: _Work) -> RayCluster | None:
    if work.engine is Engine.local:
        if work.address is not None or work.workers is not None:
            raise ConfigError("--address and --workers are for a cluster: add --engine ray")
        return None
    if work.part is not None:
        raise ConfigError("--shard divides the work among processes, --engine ray does so itself: choose one")
    require("ray", "ray")
    from pix2style.pairs.build.engines.ray_cluster import RayCluster

    return RayCluster(recipe, work.address, work.workers, work.cpus_per_worker, work.gpus_per_worker)
