"""The trackers that a configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.config.train import TrackingConfig
from pix2style.errors import require
from pix2style.training.tracking.artifacts import PairSetReference
from pix2style.training.tracking.background import BackgroundTracker
from pix2style.training.tracking.base import Tracker, Trackers
from pix2style.training.tracking.jsonl import METRICS_FILE, JsonLinesTracker
from pix2style.training.tracking.tensorboard import TensorBoardTracker
from pix2style.training.tracking.wandb_tracker import start_wandb


def start_trackers(
    folder: Path,
    tracking: TrackingConfig,
    description: Mapping[str, Any],
    *,
    name: str,
    resume_step: int,
    run_id: str | None,
    pairs: PairSetReference | None = None,
) -> Trackers:
    """metrics.jsonl, and what else the configuration asks for, each of these in a thread of its own.

    Args:
        folder: the run folder.
        tracking: the section.
        description: the resolved configuration and where things came from.
        name: of the run.
        resume_step: the step that the run goes on from; 0 for a new one.
        run_id: of the W&B run to go on with.
        pairs: what is learned, for W&B's artifacts.

    Raises:
        MissingExtraError: a tracker is wanted and not installed.
    """
    check_trackers(tracking)
    trackers: list[Tracker] = [JsonLinesTracker(folder / METRICS_FILE, resume_step=resume_step)]
    if tracking.tensorboard:
        trackers.append(BackgroundTracker(TensorBoardTracker(folder, resume_step=resume_step)))
    if tracking.wandb != "off":
        run = start_wandb(folder, tracking, description, name=name, run_id=run_id, pairs=pairs)
        trackers += [BackgroundTracker(run)] if run is not None else []
    return Trackers(trackers)


def check_trackers(tracking: TrackingConfig) -> None:
    """Refuse trackers that are not installed.

    Raises:
        MissingExtraError: names the extra.
    """
    if tracking.wandb != "off":
        require("train", "wandb")
    if tracking.tensorboard:
        require("tensorboard", "tensorboard")
