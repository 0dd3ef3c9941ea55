"""The command `pix2style distill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.app import advise_after_interrupt, app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.train_options import (
    ConfigOption,
    DryRunOption,
    OverridesArgument,
    PairsOption,
    ResumeIfBegunOption,
    ResumeOption,
    RunOption,
    load_experiment,
    note_if_made_for_gpu,
    resume_advice,
    should_resume,
)
from pix2style.cli.train_print import print_plan, print_report
from pix2style.errors import require
from pix2style.processes import process_start_s


@app.command("distill")
def distill_command(
    overrides: OverridesArgument = None,
    config: ConfigOption = None,
    teacher_run: Annotated[
        Path | None,
        typer.Option(
            help="Run folder of a trained generator whose outputs and features are distilled. Overrides"
            " distill.teacher_run. Default: train on the pair set only."
        ),
    ] = None,
    pairs: PairsOption = None,
    out: RunOption = None,
    resume: ResumeOption = False,
    resume_if_begun: ResumeIfBegunOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Distil a trained run into the small, fast generator that is made for shipping.

    It is trained on the pair set and on the teacher run's outputs and features at once. The settings distill.budget and
    distill.photos choose its size and add more photos before training.
    """
    require("train", "torch", "pydantic", "yaml", "albumentations", "safetensors")
    paths = {"pairs.path": pairs, "distill.teacher_run": teacher_run}
    experiment = load_experiment(config, ["model.generator=lite", *(overrides or [])], paths)
    note_if_made_for_gpu(config, experiment)
    run = out or Path("runs") / experiment.name
    resume = should_resume(run, resume=resume, resume_if_begun=resume_if_begun)
    from pix2style.recipes.distill import distill, plan_distillation
    from pix2style.training.run.train import TrainOptions

    if dry_run:
        print_plan(plan_distillation(experiment, run, resume=resume), as_json=as_json)
        return
    options = TrainOptions(began_s=process_start_s())
    with advise_after_interrupt("distill", lambda: resume_advice(run)):
        report = distill(experiment, run, resume=resume, options=options)
    print_report(report, as_json=as_json)
