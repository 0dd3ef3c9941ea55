"""`pix2style train`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pix2style.cli.app import app
from pix2style.cli.train_options import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    PairsOption,
    ResumeIfBegunOption,
    ResumeOption,
    RunOption,
    begun_or_asked,
    load_experiment,
)
from pix2style.errors import require
from pix2style.processes import is_main_process

if TYPE_CHECKING:
    from pix2style.config import Config
    from pix2style.training.run.plan import NetworkSummary, RunPlan
    from pix2style.training.run.report import TrainReport


@app.command("train")
def train_cli(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it, for example train.batch=4.")
    ] = None,
    config: ConfigOption = None,
    pairs: PairsOption = None,
    out: RunOption = None,
    resume: ResumeOption = False,
    resume_if_begun: ResumeIfBegunOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn a pair set: photos in, the teacher's style out.

    Settings are KEY=VALUE, each documented in the configuration; --dry-run shows what they come to.
    """
    require("train", "torch", "pydantic", "yaml", "albumentations", "safetensors")
    changes = list(overrides or []) + ([f"pairs.path={json.dumps(str(pairs))}"] if pairs is not None else [])
    experiment = load_experiment(config, changes)
    run = out or Path("runs") / experiment.name
    resume = begun_or_asked(run, resume=resume, resume_if_begun=resume_if_begun)
    run_training(experiment, run, resume=resume, dry_run=dry_run, as_json=as_json)


def run_training(
    experiment: Config,
    run: Path,
    *,
    resume: bool,
    dry_run: bool,
    as_json: bool,
    documents: Mapping[str, Any] | None = None,
    to_paint: int = 0,
) -> None:
    """Plan or train, and print what came of it; for `train` and `distill`."""
    if dry_run:
        from pix2style.training.run.dry_run import plan_run

        _print_plan(plan_run(experiment, run, resume=resume, photos_to_stylize=to_paint), as_json=as_json)
        return
    from pix2style.training.run.train import train

    report = train(experiment, run, resume=resume, documents=documents)
    if is_main_process():
        _print_report(report, as_json=as_json)


def _print_plan(plan: RunPlan, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plan.to_json()))
        return
    print(f"{plan.name} on {plan.device} -> {plan.run} (nothing was written)")
    for role, network in (
        ("generator", plan.generator),
        ("discriminator", plan.discriminator),
        ("features", plan.features),
        ("teacher run", plan.teacher),
    ):
        if network is not None:
            print(_network_line(role, network, plan.crop_px))
    what = "pairs" if plan.paired else "photos without targets"
    styles = f", {plan.styles} styles" if plan.styles > 1 else ""
    print(f"{plan.training_pairs} training {what}{styles}, {plan.validation_pairs} for validation")
    if plan.photos_to_paint:
        print(f"{plan.photos_to_paint} photos would be painted by the teacher run first, and learned besides")
    parts = f" in {plan.accumulate} parts" if plan.accumulate > 1 else ""
    print(
        f"{plan.images} pictures ({plan.epochs:.1f} epochs): {plan.steps} steps of {plan.batch}{parts},"
        f" crops of {plan.crop_px} px"
    )
    if plan.images_per_s is not None and plan.seconds is not None:
        print(f"time: about {_duration(plan.seconds)}, at {plan.images_per_s:.3g} pictures/s in a short trial")
    there = "" if plan.available_bytes is None else f" (there are {plan.available_bytes / 1e9:.1f} GB)"
    pairs = f"all pairs as bytes: {plan.decoded_bytes / 1e9:.2f} GB"
    print(f"memory: {plan.memory_bytes / 1e9:.1f} GB in the trial{there}; {pairs}")


def _network_line(role: str, network: NetworkSummary, crop_px: int) -> str:
    giga = network.macs_per_picture / 1e9
    return f"{role}: {network.kind}, {network.parameters:,} parameters, {giga:.2f} GMAC for {crop_px}x{crop_px}"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} minutes" if minutes < 100 else f"{minutes / 60:.1f} hours"


def _print_report(report: TrainReport, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**dataclasses.asdict(report), "run": str(report.run)}))
        return
    held_out = "no held-out photos" if report.val_l1 is None else f"held-out L1 {report.val_l1:.2f} of 255 levels"
    print(
        f"{report.run}: {report.step} steps, {report.images_seen} pictures, {report.seconds:.0f} s"
        f" ({report.images_per_s:.1f} pictures/s), {held_out}"
    )
    if report.stopped_early:
        print("ended early: held-out photos got no better (train.early_stop)", file=sys.stderr)
    if report.skipped_steps:
        print(f"{report.skipped_steps} steps were left out: a loss or gradient was not finite", file=sys.stderr)
    print(f"next: pix2style export {report.run}", file=sys.stderr)
