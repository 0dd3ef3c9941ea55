"""Report steps that were skipped because a loss or gradient was not finite, and end the run if there are too many."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from pix2style.config.losses import LossesConfig
from pix2style.config.train import TrainConfig
from pix2style.errors import TrainingError
from pix2style.files import write_json
from pix2style.plural import counted
from pix2style.progress import print_note
from pix2style.training.step.nonfinite import SkippedSteps
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import StepReport

# Sums over loss terms: where they are not finite because of a term, the term is the better name for the problem.
_SUMS = ("/total", "/gradient_norm")
# Returns the names of the photos at positions of the training stream.
PhotoNames = Callable[[range], list[str]]


class SkippedStepReporter:
    """Tells the user about skipped steps; all processes have to call `report` at the same step.

    Args:
        run: Run folder; the diagnosis of a failed run is written there.
        state: Training state.
        train: Section `train`.
        losses: Section `losses`, for the diagnosis.
        photo_names: Function that returns the names of the photos at positions of the training stream.
    """

    def __init__(
        self, run: Path, state: TrainingState, train: TrainConfig, losses: LossesConfig, photo_names: PhotoNames
    ) -> None:
        self._run, self._state, self._train, self._losses = run, state, train, losses
        self._photo_names = photo_names

    def report(self, skipped: SkippedSteps, report: StepReport) -> None:
        """Print a note about skipped steps, or end the run.

        Args:
            skipped: Counts of skipped steps, of which some are new.
            report: Report of the latest step.

        Raises:
            TrainingError: `train.skips_in_a_row` steps in a row were skipped. A JSON file in the run folder then holds
                all values of the latest step.
        """
        state = self._state
        # Which loss is not finite can differ between processes, while all of them skip the same steps.
        names_by_process = state.world.all_gather_object(skipped.nonfinite_metrics)
        names = sorted({name for names in names_by_process for name in names})
        terms = [name for name in names if not name.endswith(_SUMS)] or names
        what = f"{', '.join(terms)} {'was' if len(terms) == 1 else 'were'} not finite"
        if skipped.in_a_row < self._train.skips_in_a_row:
            steps = counted(skipped.new, "step", verb="was")
            print_note(f"step {state.step}: {steps} skipped ({skipped.total} so far): {what}")
            return
        diagnosis = self._run / f"not-finite-step-{state.step:07d}.json"
        metrics = {name: _json_number(float(value)) for name, value in report.metrics().items()}
        metrics_by_process = state.world.all_gather_object(metrics)
        if state.world.is_main:
            factor = report.learning_rate_factor
            write_json(diagnosis, self._diagnosis(skipped, names, metrics_by_process, factor))
        raise TrainingError(
            f"step {state.step}: {what}, so that {skipped.in_a_row} steps in a row were skipped ({diagnosis} holds all"
            " values): lower the learning rates or the weight of that loss, or set train.precision=fp32, and resume"
            " from the last checkpoint"
        )

    def _diagnosis(
        self,
        skipped: SkippedSteps,
        names: list[str],
        metrics_by_process: list[dict[str, float | str]],
        learning_rate_factor: float,
    ) -> dict[str, object]:
        state, train = self._state, self._train
        positions = range(state.images_seen - train.batch, state.images_seen)
        scales = (("generator", state.generator_scale), ("discriminator", state.discriminator_scale))
        return {
            "step": state.step,
            "not_finite": names,
            "skipped_in_a_row": skipped.in_a_row,
            "skipped_in_all": skipped.total,
            "figures_by_process": metrics_by_process,
            "batch_positions": [positions.start, positions.stop],
            "batch_photos": self._photo_names(positions),
            "precision": train.precision,
            "loss_scales": {name: float(scale.value) for name, scale in scales if scale is not None},
            "learning_rate_share": learning_rate_factor,
            "losses": self._losses.model_dump(mode="json"),
        }


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # JSON has no NaN and no infinity
