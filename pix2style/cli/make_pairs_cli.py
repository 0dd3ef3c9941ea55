"""The command `pix2style make-pairs`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pix2style.cli import make_pairs_options as opts
from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.make_pairs_print import (
    note_teacher_preview,
    print_next_training,
    print_preview,
    print_report,
    print_slice,
    print_teacher,
    print_teacher_preview,
)
from pix2style.cli.make_pairs_settings import StyleOptions, load_settings, parse_custom_teacher
from pix2style.errors import ConfigError, require
from pix2style.writable import check_can_write, check_can_write_folder

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig
    from pix2style.pairs.build.engines.ray_cluster import RayCluster
    from pix2style.pairs.build.make_pairs import Slice
    from pix2style.stylizer import Stylizer
    from pix2style.teachers.spec import TeacherSpec


@dataclass(frozen=True, slots=True)
class _Execution:
    """How the work is done. Nothing here changes the pair set.

    Attributes:
        engine: Where shards are made.
        address: Address of the Ray cluster; None starts one on this machine.
        workers: Number of Ray workers; None takes as many as fit.
        cpus_per_worker: CPU cores of each Ray worker; None takes one.
        gpus_per_worker: GPUs of each Ray worker; None takes none.
        part: Part of the work to do, for example `2/8`; None does all.
        plan_only: Only write the plan.
        dry_run: Only print what would be done.
        preview: Image file to write four stylized photos to, instead of making a pair set; None for a pair set.
        config: The experiment's configuration, for the command that comes next; None if there is none.
    """

    engine: opts.Engine
    address: str | None
    workers: int | None
    cpus_per_worker: float | None
    gpus_per_worker: float | None
    part: str | None
    plan_only: bool
    dry_run: bool
    preview: Path | None
    config: Path | None


@app.command("make-pairs")
def make_pairs_command(
    overrides: opts.OverridesArgument = None,
    content: opts.ContentOption = None,
    style: opts.StyleOption = None,
    weight: opts.WeightOption = None,
    strength: opts.StrengthOption = None,
    painting_size: opts.PaintingSizeOption = None,
    each_style: opts.EachStyleOption = False,
    teacher: opts.TeacherOption = None,
    teacher_file: opts.TeacherFileOption = None,
    teacher_timeout: opts.TeacherTimeoutOption = None,
    teacher_licence: opts.TeacherLicenceOption = "",
    module: opts.ModuleOption = None,
    out: opts.OutOption = None,
    size: opts.SizeOption = None,
    fit: opts.FitOption = None,
    preserve_color: opts.PreserveColorOption = False,
    config: opts.ConfigOption = None,
    engine: opts.EngineOption = opts.Engine.local,
    address: opts.AddressOption = None,
    workers: opts.WorkersOption = None,
    cpus_per_worker: opts.CpusPerWorkerOption = None,
    gpus_per_worker: opts.GpusPerWorkerOption = None,
    shard: opts.ShardOption = None,
    plan_only: opts.PlanOnlyOption = False,
    dry_run: opts.DryRunOption = False,
    preview: opts.PreviewOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stylize photos with a teacher, and store photos and results as a pair set to train on.

    After an interruption the same command continues, and gives the same bytes.

    Exit code 1: the set is finished, or the part of --shard, but some photos could not be read or stylized. They are
    listed.
    """
    require("pairs", "pydantic", "yaml")
    custom = parse_custom_teacher(teacher, teacher_file or [], teacher_timeout, teacher_licence)
    options = {
        "content": content,
        "module": module,
        "path": out,
        "size": size,
        "painting_size": painting_size,
        "fit": fit and fit.value,
        "teacher": None if custom else teacher,
        "preserve_color": preserve_color or None,
    }
    style_options = StyleOptions(style or (), weight or (), strength, each_style)
    from pix2style.teachers.spec import TeacherSpec

    spec = TeacherSpec(load_settings(config, overrides or [], options, style_options), custom)
    cluster = (engine, address, workers, cpus_per_worker, gpus_per_worker)
    execution = _Execution(*cluster, shard, plan_only, dry_run, preview, config)
    _run(spec, execution, as_json=as_json)


def _run(spec: TeacherSpec, execution: _Execution, *, as_json: bool) -> None:
    from pix2style.pairs.build.make_pairs import Slice

    settings = spec.settings
    _check_part(execution)
    cluster = _cluster(spec, execution)
    if execution.preview is not None:
        _show_teacher(spec, execution.preview, as_json=as_json)
        return
    folder = _output_folder(settings)
    part = None if execution.part is None else Slice.parse(execution.part)
    if not execution.dry_run:
        check_can_write_folder(folder, ConfigError)
    # Load the teachers before the photos are read: hashing them may take an hour.
    teachers = spec.load()
    print_teacher(teachers[0])
    if execution.dry_run or execution.plan_only:
        _show_plan(settings, teachers, folder, write_plan=not execution.dry_run, as_json=as_json)
    elif part is not None:
        _make_slice(settings, teachers, folder, part, as_json=as_json)
    else:
        _make_pairs(settings, teachers, folder, cluster, execution.config, as_json=as_json)


def _show_plan(
    settings: PairsConfig, teachers: list[Stylizer], folder: Path, *, write_plan: bool, as_json: bool
) -> None:
    from pix2style.pairs.build.make_pairs import plan_pairs, preview_pairs
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        preview = (plan_pairs if write_plan else preview_pairs)(settings, teachers, folder, on_progress=progress)
    print_preview(preview, planned=write_plan, as_json=as_json)


def _show_teacher(spec: TeacherSpec, file: Path, *, as_json: bool) -> None:
    from pix2style.images import can_write
    from pix2style.pairs.build.teacher_preview import preview_teacher

    if not can_write(file):
        raise ConfigError(f"--preview {file}: cannot write such a file: choose a name that ends in .png")
    check_can_write(file)
    _check_content(spec.settings)
    teachers = spec.load()
    print_teacher(teachers[0])
    print_teacher_preview(preview_teacher(spec.settings, teachers, file), as_json=as_json)


def _make_slice(settings: PairsConfig, teachers: list[Stylizer], folder: Path, part: Slice, *, as_json: bool) -> None:
    from pix2style.pairs.build.make_pairs import make_slice
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        report = make_slice(settings, teachers, folder, part, on_progress=progress)
    print_slice(report, as_json=as_json)
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _make_pairs(
    settings: PairsConfig,
    teachers: list[Stylizer],
    folder: Path,
    cluster: RayCluster | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    from pix2style.pairs.build.make_pairs import make_pairs
    from pix2style.progress import StagedProgress

    # The seed of the split stays 0 whatever the experiment's seed is: all experiments hold out the same photos.
    with StagedProgress() as progress:
        report = make_pairs(
            settings, teachers, folder, cluster=cluster, on_progress=progress, on_preview=note_teacher_preview
        )
    print_report(report, as_json=as_json)
    if not as_json:
        print_next_training(report.out, len(report.manifest.teachers), config)
    if report.manifest.failures and not report.already_finished:
        raise typer.Exit(EXIT_SOME_FAILED)


def _output_folder(settings: PairsConfig) -> Path:
    if settings.path is None:
        raise ConfigError("[pairs -> path] no folder for the pair set: add --out DIR, or set pairs.path")
    _check_content(settings)
    return settings.path


def _check_content(settings: PairsConfig) -> None:
    if not settings.content:
        raise ConfigError("[pairs -> content] no photos: add --content DIR, or set pairs.content")


def _check_part(execution: _Execution) -> None:
    """Refuse options that divide the making of pairs beside those that make none, and two of the latter."""
    others = {"--preview": execution.preview, "--plan": execution.plan_only, "--dry-run": execution.dry_run}
    given = [option for option, is_given in others.items() if is_given]
    divided = "--shard" if execution.part is not None else "--engine ray"
    if given and (execution.part is not None or execution.engine is not opts.Engine.local):
        raise ConfigError(f"{divided} divides the making of pairs, and {given[0]} makes none: leave one of them out")
    if execution.preview is not None and len(given) > 1:
        raise ConfigError(f"--preview and {given[1]} are two tasks: leave one of them out")


def _cluster(spec: TeacherSpec, execution: _Execution) -> RayCluster | None:
    if execution.engine is opts.Engine.local:
        options = {
            "--address": execution.address,
            "--workers": execution.workers,
            "--cpus-per-worker": execution.cpus_per_worker,
            "--gpus-per-worker": execution.gpus_per_worker,
        }
        for option in (option for option, value in options.items() if value is not None):
            raise ConfigError(f"{option} is an option of a Ray cluster: add --engine ray")
        return None
    if execution.part is not None:
        raise ConfigError("--shard and --engine ray both divide the work: use one of them")
    require("ray", "ray")
    from pix2style.pairs.build.engines.ray_cluster import RayCluster

    cpus, gpus = execution.cpus_per_worker, execution.gpus_per_worker
    return RayCluster(spec, execution.address, execution.workers, 1.0 if cpus is None else cpus, gpus or 0.0)
