"""Options that `train` and `distill` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.common_options import complete_config
from pix2style.progress import print_note

if TYPE_CHECKING:
    from pix2style.config import Config

OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Change settings of the configuration, for example train.batch=4 or train.images=100000.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="YAML file with the experiment's settings, or the name of a shipped one: see `pix2style config`. Settings"
        " it leaves out have defaults.",
        autocompletion=complete_config,
    ),
]
PairsOption = Annotated[
    Path | None, typer.Option("--pairs", help="Folder of the pair set to train on. Overrides pairs.path.")
]
RunOption = Annotated[
    Path | None, typer.Option("--out", help="Run folder to write. Default: runs/NAME, with the experiment's name.")
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Resume the run in the run folder from its latest checkpoint.")
]
ResumeIfBegunOption = Annotated[
    bool,
    typer.Option("--resume-if-begun", help="Resume the run if the run folder holds one, else start it. For scripts."),
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Check all settings and inputs, estimate time and memory, and print the plan. Writes nothing."
    ),
]


def load_experiment(config: Path | None, overrides: Sequence[str], paths: Mapping[str, Path | None]) -> Config:
    """Load the configuration file, or the defaults, and apply overrides.

    Args:
        config: The YAML file; None takes the defaults.
        overrides: `section.key=value` texts.
        paths: Paths that options name, by their configuration keys; they win over `overrides`.
    """
    from pix2style.config import load_config, parse_config

    # "./" before a path keeps its first character from being taken for YAML's.
    options = [
        f"{key}={path if path.is_absolute() else f'./{path}'}" for key, path in paths.items() if path is not None
    ]
    changes = [*overrides, *options]
    return load_config(config, changes) if config is not None else parse_config({}, overrides=changes)


def note_if_made_for_gpu(config: Path | None, experiment: Config) -> None:
    """Name the configurations to take instead, if a shipped one that is made for a GPU would run on the CPU."""
    from pix2style.config.shipped import instead_on_cpu, shipped_configs
    from pix2style.training.step.device import pick_device

    shipped = shipped_configs()
    name = "" if config is None else config.name.removesuffix(".yaml")
    if config is None or name not in shipped or (config.is_file() and not config.samefile(shipped[name])):
        return
    if instead_on_cpu(name) and pick_device(experiment.train).type == "cpu":
        alternatives = " or ".join(f"--config {other}" for other in instead_on_cpu(name))
        print_note(
            f"{name} is made for a GPU, and torch finds none: on this CPU it takes very long; take {alternatives}"
        )


def resume_advice(run: Path) -> str:
    """Return what to do after Ctrl-C, which depends on whether training has made its run folder."""
    if (run / "config.json").is_file():
        return "run the same command again with --resume to go on"
    return "training had not begun; run the same command again"


def should_resume(run: Path, *, resume: bool, resume_if_begun: bool) -> bool:
    """Return whether the options ask to resume the run in this folder."""
    return resume or (resume_if_begun and (run / "config.json").is_file())
