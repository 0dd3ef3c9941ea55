"""The command `pix2style train`."""

from __future__ import annotations

from pathlib import Path

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


@app.command("train")
def train_command(
    overrides: OverridesArgument = None,
    config: ConfigOption = None,
    pairs: PairsOption = None,
    out: RunOption = None,
    resume: ResumeOption = False,
    resume_if_begun: ResumeIfBegunOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a generator on a pair set, so that it stylizes photos as the teacher does.

    Settings come from the configuration file and from KEY=VALUE arguments. Ctrl-C writes a checkpoint and stops; the
    same command with --resume continues.
    """
    require("train", "torch", "pydantic", "yaml", "albumentations", "safetensors")
    experiment = load_experiment(config, overrides or [], {"pairs.path": pairs})
    note_if_made_for_gpu(config, experiment)
    run = out or Path("runs") / experiment.name
    resume = should_resume(run, resume=resume, resume_if_begun=resume_if_begun)
    if dry_run:
        from pix2style.training.run.dry_run import plan_run

        print_plan(plan_run(experiment, run, resume=resume), as_json=as_json)
        return
    from pix2style.training.run.train import TrainOptions, train

    options = TrainOptions(began_s=process_start_s())
    with advise_after_interrupt("train", lambda: resume_advice(run)):
        report = train(experiment, run, resume=resume, options=options)
    print_report(report, as_json=as_json)
