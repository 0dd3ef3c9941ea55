"""Save checkpoints during a run, and continue without one if the disk is full."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pix2style.config.train import TrainConfig
from pix2style.errors import TrainingError
from pix2style.files import sha256_json
from pix2style.progress import print_note
from pix2style.runs.folder import CheckpointMeta, StyleRecord
from pix2style.training.data.sources import TrainingData
from pix2style.training.run.checkpoints.checkpoint import gather_random_states, save_checkpoint
from pix2style.training.step.state import TrainingState
from pix2style.training.tracking import Trackers

_WRITTEN_BYTES_PER_S = 100e6  # of a slow disk, digests included


class Checkpointer:
    """Saves checkpoints; all processes have to call `save` at the same step.

    Args:
        run: Run folder.
        state: Training state.
        data: Training data, whose origin is written into the checkpoints.
        train: Section `train`.
        trackers: Trackers; a failure to write is logged to them.
    """

    def __init__(
        self, run: Path, state: TrainingState, data: TrainingData, train: TrainConfig, trackers: Trackers
    ) -> None:
        self._run, self._state, self._data, self._train, self._trackers = run, state, data, train, trackers
        # A run that has taken steps at this point was resumed from a checkpoint of its current step.
        self._saved_step = state.step if state.step > 0 else None

    @property
    def is_current(self) -> bool:
        """Whether there is a checkpoint of the current step."""
        return self._saved_step == self._state.step

    def save(self, validation_metrics: Mapping[str, float], *, required: bool = False) -> None:
        """Save a checkpoint. If the disk is full and there is an older checkpoint, training continues.

        Args:
            validation_metrics: Validation metrics of the current step; empty if it was not validated.
            required: Fail if the checkpoint cannot be written, because the run ends here.

        Raises:
            TrainingError: The checkpoint cannot be written, and it is required or would be the first one.
        """
        state, error = self._state, None
        random_states = gather_random_states(state)
        if state.world.is_main:
            try:
                save_checkpoint(self._run, state, self._meta(validation_metrics), random_states, self._train)
            except TrainingError as write_error:
                error = write_error
        # All processes have to continue or to fail together: otherwise the others wait at the next exchange.
        message: str | None = state.world.broadcast_object(None if error is None else str(error))
        if message is None:
            self._saved_step = state.step
            return
        if required or self._saved_step is None:
            raise TrainingError(message) from error
        print_note(f"{message}; training goes on, and tries again at the next checkpoint")
        self._trackers.log(state.step, {"checkpoint/failed": 1.0})

    def estimate_s(self) -> float:
        """Estimate the seconds that saving a checkpoint takes, from the number of weights."""
        state = self._state
        # Weights, their average and Adam's two moments: 16 bytes for each weight of the generator.
        weights = sum(parameter.numel() for parameter in state.generator_parameters)
        if state.discriminator is not None:
            weights += sum(parameter.numel() for parameter in state.discriminator.parameters())
        return 16 * weights / _WRITTEN_BYTES_PER_S

    def _meta(self, validation_metrics: Mapping[str, float]) -> CheckpointMeta:
        state, teachers = self._state, self._data.teachers
        digests = [teacher.sha256 for teacher in teachers]
        multi_style = len(teachers) > 1
        styles = [StyleRecord(teacher.name, teacher.sha256, tuple(teacher.style_sha256)) for teacher in teachers]
        return CheckpointMeta(
            step=state.step,
            images_seen=state.images_seen,
            pairs_sha256=self._data.digest,
            teacher=", ".join(dict.fromkeys(teacher.name_with_network for teacher in teachers)),
            teacher_sha256=sha256_json(digests) if multi_style else digests[0],
            style_sha256=tuple(digest for teacher in teachers for digest in teacher.style_sha256),
            styles=tuple(styles) if multi_style else (),
            figures=dict(validation_metrics),
            elapsed_s=state.elapsed_s,
            validation_s=state.validation_s,
            checkpoint_s=state.checkpoint_s,
            share_reached=state.share_reached,
            best=state.best_metric,
            wandb_id=self._trackers.run_id,
        )
