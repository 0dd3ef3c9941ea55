"""`pix2style train`."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app
from pix2style.errors import require

if TYPE_CHECKING:
    from pix2style.config import Config
    from pix2style.training.loop import TrainReport


@app.command("train")
def train_cli(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it, for example train.batch=4.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The experiment's YAML file.")] = None,
    pairs: Annotated[Path | None, typer.Option(help="The pair set; overrides pairs.path.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/NAME if not given.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the latest checkpoint.")] = False,
    resume_if_begun: Annotated[
        bool, typer.Option("--resume-if-begun", help="Go on if the run exists, begin it if not: for scripts.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, print the plan, learn nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Learn a pair set: photos in, the teacher's style out."""
    require("train", "torch", "pydantic", "yaml", "albumentations", "safetensors")
    from pix2style.config import load_config, parse_config

    changes = list(overrides or []) + ([f"pairs.path={json.dumps(str(pairs))}"] if pairs is not None else [])
    experiment = load_config(config, changes) if config is not None else parse_config({}, overrides=changes)
    run = out or Path("runs") / experiment.name
    resume = resume or (resume_if_begun and (run / "config.json").is_file())
    if dry_run:
        _print_plan(experiment, run, resume=resume, as_json=as_json)
        return
    from pix2style.training.loop import train

    report = train(experiment, run, resume=resume)
    _print_report(report, as_json=as_json)


def _print_plan(experiment: Config, run: Path, *, resume: bool, as_json: bool) -> None:
    from pix2style.training.prepare import check_run, training_pairs
    from pix2style.training.state import build_state

    _, entries, held_out = training_pairs(experiment)
    check_run(run, experiment, resume=resume)
    state = build_state(experiment)
    plan = {
        "dry_run": True,
        "run": str(run),
        "generator": experiment.model.generator,
        "parameters": sum(p.numel() for p in state.generator.parameters()),
        "device": state.device.type,
        "training_pairs": len(entries),
        "validation_pairs": len(held_out),
        "images": experiment.train.images,
        "batch": experiment.train.batch,
    }
    if as_json:
        print(json.dumps(plan))
        return
    print(f"{experiment.name}: {plan['generator']} ({plan['parameters']:,} parameters) on {plan['device']}")
    print(f"{len(entries)} training pairs, {len(held_out)} for validation, from {experiment.pairs.path}")
    epochs = experiment.train.images / len(entries)
    print(f"{experiment.train.images} pictures ({epochs:.1f} epochs) in batches of {experiment.train.batch} -> {run}")


def _print_report(report: TrainReport, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**dataclasses.asdict(report), "run": str(report.run)}))
        return
    held_out = "no held-out photos" if report.val_l1 is None else f"held-out L1 {report.val_l1:.2f} of 255 levels"
    print(
        f"{report.run}: {report.step} steps, {report.images_seen} pictures, {report.seconds:.0f} s"
        f" ({report.images_per_s:.1f} pictures/s), {held_out}"
    )
    print(f"next: pix2style export {report.run}", file=sys.stderr)
