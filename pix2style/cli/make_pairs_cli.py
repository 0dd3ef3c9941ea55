"""The command `pix2style make-pairs`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.make_pairs_options import StyleOptions, load_settings, parse_custom_teacher
from pix2style.cli.make_pairs_print import print_preview, print_report, print_slice
from pix2style.errors import ConfigError, require
from pix2style.teacher_table import TEACHERS

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig
    from pix2style.pairs.build.engines.ray_cluster import RayCluster
    from pix2style.pairs.build.make_pairs import Slice
    from pix2style.stylizer import Stylizer
    from pix2style.teachers.spec import TeacherSpec

_TEACHER_HELP = "; ".join(f"{teacher.name}: {teacher.summary}" for teacher in TEACHERS)


class Fit(StrEnum):
    """Values of `--fit`; see `PairsConfig.fit`."""

    crop = "crop"
    fit = "fit"
    keep = "keep"


class Engine(StrEnum):
    """Values of `--engine`."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True, slots=True)
class _Execution:
    """How the work is done. Nothing here changes the pair set.

    Attributes:
        engine: Where shards are made.
        address: Address of the Ray cluster; None starts one on this machine.
        workers: Number of Ray workers; None takes as many as fit.
        cpus_per_worker: CPU cores of each Ray worker.
        gpus_per_worker: GPUs of each Ray worker.
        part: Part of the work to do, for example `2/8`; None does all.
        plan_only: Only write the plan.
        dry_run: Only print what would be done.
    """

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
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Change settings of the configuration, for example pairs.format=jpeg."
        ),
    ] = None,
    content: Annotated[
        list[Path] | None,
        typer.Option(help="Photos to stylize: a file, or a folder that is searched recursively. Repeatable."),
    ] = None,
    style: Annotated[
        list[Path] | None,
        typer.Option(
            help="Image file of the painting. Several are blended into one style, see --weight and --each-style."
        ),
    ] = None,
    weight: Annotated[
        list[float] | None,
        typer.Option(help="Weight of each painting in the blend, in the order of --style. Default: equal weights."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(help="How much of the paintings' style: from 0 (the photo's own style) to 1.", min=0, max=1),
    ] = None,
    each_style: Annotated[
        bool,
        typer.Option(
            "--each-style", help="Make each painting a style of its own, for a generator with several styles."
        ),
    ] = False,
    teacher: Annotated[
        str | None,
        typer.Option(
            help=f"What stylizes the photos. {_TEACHER_HELP}. Or your own: MODULE:FUNCTION, FILE.py:FUNCTION, or a"
            ' command such as "paint {input} {output}". Default: magenta with --style, else watercolor.'
        ),
    ] = None,
    teacher_file: Annotated[
        list[Path] | None,
        typer.Option(
            help="File that your own teacher reads, for example its weights. Another content of the file makes another"
            " pair set. Repeatable."
        ),
    ] = None,
    teacher_timeout: Annotated[
        float | None, typer.Option(help="Seconds that your own command may take for one photo.", min=0.1)
    ] = None,
    teacher_licence: Annotated[
        str, typer.Option(help="Licence of your own teacher's images, written into the manifest.")
    ] = "",
    module: Annotated[
        str | None,
        typer.Option(
            help="Network of the teacher magenta: a SavedModel folder, a converted folder or an address (see pix2style"
            " teacher)."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pair set. Overrides pairs.path.")] = None,
    size: Annotated[
        int | None, typer.Option(help="Size of the images in pixels; --fit says which side. Default: 256.")
    ] = None,
    fit: Annotated[
        Fit | None,
        typer.Option(
            help="crop: a square of --size from the photo's middle; fit: the whole photo, shrunk until its longer side"
            " is --size; keep: the photo as it is. Default: crop."
        ),
    ] = None,
    preserve_color: Annotated[
        bool,
        typer.Option("--preserve-color", help="Keep the photo's colours, and take only the lightness of the teacher."),
    ] = False,
    config: Annotated[Path | None, typer.Option(help="YAML file of an experiment; its section pairs is used.")] = None,
    engine: Annotated[
        Engine, typer.Option(help="local: in this process; ray: on a Ray cluster, one task per shard.")
    ] = Engine.local,
    address: Annotated[
        str | None, typer.Option(help="Address of a running Ray cluster. Default: start one on this machine.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of Ray workers. Default: as many as the cluster has room for.", min=1)
    ] = None,
    cpus_per_worker: Annotated[float, typer.Option(help="CPU cores of each Ray worker.", min=0.01)] = 1.0,
    gpus_per_worker: Annotated[float, typer.Option(help="GPUs of each Ray worker.", min=0)] = 0.0,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Do only part I of N of the work, for example 3/16. For batch systems that start N processes.",
        ),
    ] = None,
    plan_only: Annotated[
        bool,
        typer.Option(
            "--plan", help="Read the photos, write the plan and stop. Saves time before many processes with --shard."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the photos and print what would be done. Writes nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")] = False,
) -> None:
    """Stylize photos with a teacher, and store photos and results as a pair set to train on.

    After an interruption the same command continues, and gives the same bytes.

    Exit code 1: the set is finished, but some files could not be read. They are listed.
    """
    require("pairs", "pydantic", "yaml")
    custom = parse_custom_teacher(teacher, teacher_file or [], teacher_timeout, teacher_licence)
    options = {
        "content": content,
        "module": module,
        "path": out,
        "size": size,
        "fit": fit and fit.value,
        "teacher": None if custom else teacher,
        "preserve_color": preserve_color or None,
    }
    style_options = StyleOptions(style or (), weight or (), strength, each_style)
    from pix2style.teachers.spec import TeacherSpec

    spec = TeacherSpec(load_settings(config, overrides or [], options, style_options), custom)
    execution = _Execution(engine, address, workers, cpus_per_worker, gpus_per_worker, shard, plan_only, dry_run)
    _run(spec, execution, as_json=as_json)


def _run(spec: TeacherSpec, execution: _Execution, *, as_json: bool) -> None:
    from pix2style.pairs.build.make_pairs import Slice

    settings = spec.settings
    folder, cluster = _output_folder(settings), _cluster(spec, execution)
    part = None if execution.part is None else Slice.parse(execution.part)
    # Load the teachers before the photos are read: hashing them may take an hour.
    teachers = spec.load()
    if execution.dry_run or execution.plan_only:
        _preview(settings, teachers, folder, write_plan=not execution.dry_run, as_json=as_json)
    elif part is not None:
        _make_slice(settings, teachers, folder, part, as_json=as_json)
    else:
        _make_pairs(settings, teachers, folder, cluster, as_json=as_json)


def _preview(settings: PairsConfig, teachers: list[Stylizer], folder: Path, *, write_plan: bool, as_json: bool) -> None:
    from pix2style.pairs.build.make_pairs import plan_pairs, preview_pairs
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        preview = (plan_pairs if write_plan else preview_pairs)(settings, teachers, folder, on_progress=progress)
    print_preview(preview, planned=write_plan, as_json=as_json)


def _make_slice(settings: PairsConfig, teachers: list[Stylizer], folder: Path, part: Slice, *, as_json: bool) -> None:
    from pix2style.pairs.build.make_pairs import make_slice
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        report = make_slice(settings, teachers, folder, part, on_progress=progress)
    print_slice(report, as_json=as_json)


def _make_pairs(
    settings: PairsConfig, teachers: list[Stylizer], folder: Path, cluster: RayCluster | None, *, as_json: bool
) -> None:
    from pix2style.pairs.build.make_pairs import make_pairs
    from pix2style.progress import StagedProgress

    # The seed of the split stays 0 whatever the experiment's seed is: all experiments hold out the same photos.
    with StagedProgress() as progress:
        report = make_pairs(settings, teachers, folder, cluster=cluster, on_progress=progress)
    print_report(report, as_json=as_json)
    if report.manifest.failures and not report.already_finished:
        raise typer.Exit(EXIT_SOME_FAILED)


def _output_folder(settings: PairsConfig) -> Path:
    if settings.path is None:
        raise ConfigError("[pairs -> path] no folder for the pair set: add --out DIR, or set pairs.path")
    if not settings.content:
        raise ConfigError("[pairs -> content] no photos: add --content DIR, or set pairs.content")
    return settings.path


def _cluster(spec: TeacherSpec, execution: _Execution) -> RayCluster | None:
    if execution.engine is Engine.local:
        if execution.address is not None or execution.workers is not None:
            raise ConfigError("--address and --workers are options of a Ray cluster: add --engine ray")
        return None
    if execution.part is not None:
        raise ConfigError("--shard and --engine ray both divide the work: use one of them")
    require("ray", "ray")
    from pix2style.pairs.build.engines.ray_cluster import RayCluster

    return RayCluster(spec, execution.address, execution.workers, execution.cpus_per_worker, execution.gpus_per_worker)
