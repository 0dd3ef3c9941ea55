"""The options that `train` and `distill` share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pix2style.config import Config

ConfigOption = Annotated[Path | None, typer.Option("--config", help="The experiment's YAML file.")]
PairsOption = Annotated[Path | None, typer.Option("--pairs", help="The pair set; overrides pairs.path.")]
RunOption = Annotated[Path | None, typer.Option("--out", help="The run folder; runs/NAME if not given.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the latest checkpoint.")]
ResumeIfBegunOption = Annotated[
    bool, typer.Option("--resume-if-begun", help="Go on if the run exists, begin it if not: for scripts.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check everything, print the plan, learn nothing.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def load_experiment(config: Path | None, changes: Sequence[str]) -> Config:
    """The configuration file with its changes; without a file, the defaults with them."""
    from pix2style.config import load_config, parse_config

    return load_config(config, changes) if config is not None else parse_config({}, overrides=changes)


def begun_or_asked(run: Path, *, resume: bool, resume_if_begun: bool) -> bool:
    """Whether the run is gone on with."""
    return resume or (resume_if_begun and (run / "config.json").is_file())
