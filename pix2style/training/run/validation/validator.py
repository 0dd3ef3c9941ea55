"""Validate the averaged weights from time to time during a run."""

from __future__ import annotations

from pathlib import Path

from pix2style.config.train import TrainConfig
from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.pairs.format.records import PairRecord
from pix2style.progress import print_note
from pix2style.training.data.sources import TrainingData
from pix2style.training.run.signals import StopRequest
from pix2style.training.run.validation.early_stop import METRIC_NAMES, EarlyStopping, is_better
from pix2style.training.run.validation.validate import (
    ValidationMetrics,
    averaged_generator,
    first_photos,
    time_photo_s,
    validate_generator,
)
from pix2style.training.step.state import TrainingState
from pix2style.training.tracking import METRICS_FILE, Trackers, metric_history


class _StopRequestedError(Exception):
    """Somebody asked the run to stop during a validation."""


class Validator:
    """Validates at most once per step, and decides when early stopping ends the run.

    The main process does the work; all processes have to call `validate` at the same step.

    Args:
        run: Run folder; the grids go to its folder `samples`.
        state: Training state; its validation metrics and its best metric are updated.
        data: Training data. Without held-out photos the grid shows a training photo, and there are no metrics.
        train: Section `train`.
        trackers: Trackers that metrics and grids are logged to.

    Attributes:
        should_stop: Whether early stopping ends the run; the same in all processes.
    """

    def __init__(
        self, run: Path, state: TrainingState, data: TrainingData, train: TrainConfig, trackers: Trackers
    ) -> None:
        self._run, self._state, self._data, self._train, self._trackers = run, state, data, train, trackers
        entries, photos = (data.held_out, train.validate_photos) if data.held_out else (data.entries, 1)
        self._entries = first_photos(entries, photos)
        past_values = metric_history(run / METRICS_FILE, METRIC_NAMES[train.best_by], up_to_step=state.step)
        self._early_stopping = EarlyStopping.from_config(train, past_values)
        # Later validations are observed by the main process alone, hence the exchange here and in `validate`.
        self.should_stop = state.world.any(self._early_stopping.should_stop)
        self._validated_step = state.step if self._grid_path().is_file() else -1

    @property
    def is_current(self) -> bool:
        """Whether the weights of the current step have been validated."""
        return self._validated_step == self._state.step

    def current_metrics(self) -> dict[str, float]:
        """Return the validation metrics of the current step, by `best_by` names; empty if it was not validated."""
        return self._state.validation_metrics if self.is_current else {}

    def validate(self, stop: StopRequest) -> None:
        """Compute metrics and write the grid, unless that was done at this step.

        A validation is abandoned if a stop is requested meanwhile, or if the grid cannot be written; training itself
        can continue without it.
        """
        world = self._state.world
        if world.any(self.is_current):
            return
        finished = world.is_main and self._validate_in_main_process(stop)
        if world.any(finished):
            self._validated_step = self._state.step
            self.should_stop = world.any(self._early_stopping.should_stop)

    def estimate_s(self) -> float:
        """Estimate the seconds that a validation takes, from that of one photo; nothing is written or recorded."""
        entry = min(self._entries, key=lambda entry: entry.height_px * entry.width_px)
        content, target = self._data.read_pair(entry)
        with averaged_generator(self._state) as generator:
            network = generator.with_fixed_style(entry.style).folded() if generator.styles > 1 else generator
            time_photo_s(network, content, target)  # the first run of a network takes longer than the others
            seconds = time_photo_s(network, content, target)
        pixels = sum(entry.height_px * entry.width_px for entry in self._entries)
        return seconds * pixels / (entry.height_px * entry.width_px)

    def _validate_in_main_process(self, stop: StopRequest) -> bool:
        try:
            metrics = self._compute_metrics(stop)
        except _StopRequestedError:
            return False
        except (OSError, DataError) as error:
            is_write_error = str(self._grid_path().parent) in str(error)
            if not isinstance(error.__cause__ or error, OSError) or not is_write_error:
                raise
            print_note(f"{error}: step {self._state.step} is not validated")
            return False
        if metrics is not None and self._data.held_out:
            self._record(metrics)
        return True

    def _compute_metrics(self, stop: StopRequest) -> ValidationMetrics | None:
        def read_pair(entry: PairRecord) -> tuple[Image8, Image8 | None]:
            if stop.requested:
                raise _StopRequestedError
            return self._data.read_pair(entry)

        state = self._state
        with averaged_generator(state) as generator:
            metrics = validate_generator(
                generator,
                read_pair,
                self._entries,
                grid=self._grid_path(),
                grid_photos=self._train.grid_photos,
                style_names=self._data.style_names,
            )
        self._trackers.log_image(state.step, "validation/grid", self._grid_path())
        return metrics

    def _record(self, metrics: ValidationMetrics) -> None:
        state, best_by = self._state, self._train.best_by
        by_name = metrics.by_name()
        state.validation_metrics = {"l1": metrics.l1_levels, "psnr": metrics.psnr_db, "ssim": metrics.ssim}
        if is_better(by_name[best_by], state.best_metric, best_by):
            state.best_metric = by_name[best_by]
        self._early_stopping.observe(by_name[best_by])
        self._trackers.log(state.step, {"images_seen": float(state.images_seen), **metrics.by_logged_name()})

    def _grid_path(self) -> Path:
        return self._run / "samples" / f"step-{self._state.step:07d}.png"
