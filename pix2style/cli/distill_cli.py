"""`pix2style distill`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.app import app
from pix2style.cli.train_cli import run_training
from pix2style.errors import require


@app.command("distill")
def distill_cli(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it, for example distill.features=0."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The experiment's YAML file.")] = None,
    teacher_run: Annotated[
        Path | None, typer.Option(help="The trained run that teaches besides the pairs; overrides distill.teacher_run.")
    ] = None,
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
    """Learn the lightweight generator, from pairs and from a trained run at once.

    Without a teacher run it learns from the pairs alone, as `train` does.
    """
    require("train", "torch", "pydantic", "yaml", "albumentations", "safetensors")
    from pix2style.config import load_config, parse_config

    changes = ["model.generator=lite", *(overrides or [])]
    given = {"pairs.path": pairs, "distill.teacher_run": teacher_run}
    changes += [f"{key}={json.dumps(str(path))}" for key, path in given.items() if path is not None]
    experiment = load_config(config, changes) if config is not None else parse_config({}, overrides=changes)
    run = out or Path("runs") / experiment.name
    resume = resume or (resume_if_begun and (run / "config.json").is_file())
    documents = None
    if experiment.distill.budget.limit is not None:
        from pix2style.cli.distill_budget import fitted

        experiment, documents = fitted(experiment, run, resume=resume)
    to_paint = 0
    if experiment.distill.photos:
        from pix2style.cli.distill_photos import with_painted

        experiment, to_paint = with_painted(experiment, run, resume=resume, dry_run=dry_run)
    run_training(
        experiment, run, resume=resume, dry_run=dry_run, as_json=as_json, documents=documents, to_paint=to_paint
    )
