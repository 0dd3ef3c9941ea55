"""`pix2style distill`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.app import app
from pix2style.cli.train_cli import run_training
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


@app.command("distill")
def distill_cli(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it, for example distill.features=0."),
    ] = None,
    config: ConfigOption = None,
    teacher_run: Annotated[
        Path | None, typer.Option(help="The trained run that teaches besides the pairs; overrides distill.teacher_run.")
    ] = None,
    pairs: PairsOption = None,
    out: RunOption = None,
    resume: ResumeOption = False,
    resume_if_begun: ResumeIfBegunOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn the lightweight generator, from pairs and from a trained run at once.

    Without a teacher run it learns from the pairs alone, as `train` does.
    """
    require("train", "torch", "pydantic", "yaml", "albumentations", "safetensors")
    changes = ["model.generator=lite", *(overrides or [])]
    given = {"pairs.path": pairs, "distill.teacher_run": teacher_run}
    changes += [f"{key}={json.dumps(str(path))}" for key, path in given.items() if path is not None]
    experiment = load_experiment(config, changes)
    run = out or Path("runs") / experiment.name
    resume = begun_or_asked(run, resume=resume, resume_if_begun=resume_if_begun)
    documents = None
    if experiment.distill.budget.limit is not None:
        from pix2style.recipes.distill_budget import fitted

        experiment, documents = fitted(experiment, run, resume=resume)
    to_paint = 0
    if experiment.distill.photos:
        from pix2style.recipes.distill_photos import with_painted

        experiment, to_paint = with_painted(experiment, run, resume=resume, dry_run=dry_run)
    run_training(
        experiment, run, resume=resume, dry_run=dry_run, as_json=as_json, documents=documents, to_paint=to_paint
    )
