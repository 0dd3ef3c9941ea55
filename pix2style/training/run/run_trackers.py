"""Start the trackers of a run, and describe the run to them."""

from __future__ import annotations

from pathlib import Path

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.config.train import TrainConfig
from pix2style.training.data.sources import TrainingData
from pix2style.training.run.checkpoints.resume import IntactCheckpoint
from pix2style.training.run.feature_weights import describe_feature_weights
from pix2style.training.run.prepare import git_revision
from pix2style.training.step.state import TrainingState
from pix2style.training.tracking import PairSetReference, TrackedRun, Trackers, start_trackers
from pix2style.version import __version__


def start_run_trackers(
    config: Config, run: Path, state: TrainingState, data: TrainingData, checkpoint: IntactCheckpoint | None
) -> Trackers:
    """Start the trackers that the configuration asks for; in processes other than the main one, none.

    Args:
        config: Configuration of the experiment, which is given to the trackers.
        run: Run folder.
        state: Training state, after the checkpoint was loaded.
        data: Training data.
        checkpoint: Checkpoint that the run resumes from; None if the run begins.
    """
    if not state.world.is_main:
        return Trackers([])
    description = {
        **config.model_dump(mode="json"),
        "pairs_sha256": data.digest,
        "feature_weights": describe_feature_weights(state),
        "processes": state.world.size,
        "git_revision": git_revision(),
        "pix2style_version": __version__,
    }
    tracked_run = TrackedRun(
        folder=run,
        name=config.name,
        description=description,
        pairs=_reference_pairs(config.pairs, data),
        resume_step=state.step,
        wandb_id=checkpoint.meta.wandb_id if checkpoint else None,
    )
    trackers = start_trackers(tracked_run, config.tracking)
    if checkpoint is not None and checkpoint.damaged:
        trackers.log(state.step, {"checkpoint/damaged": float(len(checkpoint.damaged))})
    return trackers


def summarize_run(state: TrainingState, train: TrainConfig) -> dict[str, float | None]:
    """Return the numbers of a run's end that trackers show beside its name."""
    metrics = {f"last_{name}": value for name, value in state.validation_metrics.items()}
    return {**metrics, f"best_{train.best_by}": state.best_metric, "images_seen": state.images_seen}


def _reference_pairs(pairs: PairsConfig, data: TrainingData) -> PairSetReference:
    manifest = pairs.path / "manifest.json" if pairs.path is not None else None
    description = {
        "training": len(data.entries),
        "held_out": len(data.held_out),
        "teachers": {teacher.name: teacher.sha256 for teacher in data.teachers},
    }
    return PairSetReference(data.digest, description, manifest)
