"""Start the trackers that a configuration asks for."""

from __future__ import annotations

from pix2style.config.train import TrackingConfig
from pix2style.training.tracking.background import BackgroundTracker
from pix2style.training.tracking.base import TrackedRun, Tracker, Trackers
from pix2style.training.tracking.check import check_trackers
from pix2style.training.tracking.jsonl import METRICS_FILE, JsonLinesTracker
from pix2style.training.tracking.tensorboard import TensorBoardTracker
from pix2style.training.tracking.wandb_tracker import start_wandb


def start_trackers(run: TrackedRun, tracking: TrackingConfig) -> Trackers:
    """Start metrics.jsonl, and what the configuration asks for in addition; each of the latter in its own thread.

    Args:
        run: The run to track.
        tracking: Section `tracking`.

    Raises:
        MissingExtraError: A tracker is asked for, and its package is not installed.
        ConfigError: W&B does not accept the project, the entity or a tag.
    """
    check_trackers(tracking)
    trackers: list[Tracker] = [JsonLinesTracker(run.folder / METRICS_FILE, resume_step=run.resume_step)]
    if tracking.tensorboard:
        trackers.append(BackgroundTracker(TensorBoardTracker(run.folder, resume_step=run.resume_step)))
    if tracking.wandb != "off":
        wandb_tracker = start_wandb(run, tracking)
        trackers += [BackgroundTracker(wandb_tracker)] if wandb_tracker is not None else []
    return Trackers(trackers)
