"""The loop of a run: steps, and what is due between them, to the end that images, minutes or the user set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pix2style.config.train import TrainConfig
from pix2style.durations import live_text
from pix2style.plural import counted
from pix2style.progress import LiveStatus, print_note
from pix2style.training.batch import PairBatch
from pix2style.training.run import clock
from pix2style.training.run.checkpoints.checkpointer import Checkpointer
from pix2style.training.run.clock import RunClock
from pix2style.training.run.report import EndReason, held_out_text
from pix2style.training.run.signals import StopRequest
from pix2style.training.run.slow_cpu import MEASURED_AFTER_S, slow_cpu_advice
from pix2style.training.run.step_monitor import StepMonitor
from pix2style.training.run.validation.preview import Preview
from pix2style.training.run.validation.validator import Validator
from pix2style.training.step.schedule import training_share
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import train_step

# Shares of the training from which on the time of the last validation is estimated anew, if none was measured: the
# machine may have become busier since.
_ESTIMATE_AT = (0.0, 0.5, 0.9)
_LONGEST_WAIT_S = 2.0  # of a user who pressed Ctrl-C, for the last preview


class TrainingLoop:
    """Trains from the state's step to the end of the run; all processes have to run it together.

    Args:
        state: Training state, after the checkpoint was loaded.
        train: Section `train`.
        run_clock: Clock that counts the training time.
        monitor: Logs steps.
        validator: Validates the averaged weights.
        checkpointer: Saves checkpoints.
        preview: Shows what the averaged weights make of a few photos; None in all processes but the main one, or if it
            is turned off.
        stop: Whether the user asked for a stop.

    Attributes:
        training_s: Seconds that the steps of this session took, without validations and checkpoints.
    """

    def __init__(
        self,
        state: TrainingState,
        train: TrainConfig,
        *,
        run_clock: RunClock,
        monitor: StepMonitor,
        validator: Validator,
        checkpointer: Checkpointer,
        preview: Preview | None,
        stop: StopRequest,
    ) -> None:
        self._state, self._train, self._clock, self._stop = state, train, run_clock, stop
        self._monitor, self._validator, self._checkpointer, self._preview = monitor, validator, checkpointer, preview
        self.training_s, self._is_advised = 0.0, False
        # The processes decide by the main process's time of a step, so that all of them decide alike.
        self._first_image, self._own_step_s, self._step_s = state.images_seen, 0.0, 0.0
        self._validation_is_measured, self._saved_s = False, state.elapsed_s
        share = training_share(state, train)
        self._estimates_left = [at for at in _ESTIMATE_AT if at > share or state.validation_s == 0]

    def run(self, load: Callable[[], Iterator[Sequence[PairBatch]]]) -> EndReason:
        """Train to the end, validate and save the last step.

        Args:
            load: Function that starts to load batches from the state's position in the training stream on.

        Returns:
            What ended the training. After an interruption the last step is saved, but not validated.
        """
        self._catch_up()
        self._renew_preview()
        with LiveStatus("training") as status:
            reason = self._train_steps(load, status)
        if reason != "interrupted":
            self._finish(reason)
        self._end_preview(reason)
        self._state.elapsed_s = max(self._clock.elapsed_s(), self._saved_s)
        return reason

    def _train_steps(self, load: Callable[[], Iterator[Sequence[PairBatch]]], status: LiveStatus) -> EndReason:
        start_s = clock.now_s()
        for micro_batches in load():
            reason = self._reason_to_end()
            if reason is not None:
                return reason
            self._monitor.after_step(train_step(self._state, micro_batches, self._train))
            self._own_step_s = clock.now_s() - start_s
            self.training_s += self._own_step_s
            status.update(training_share(self._state, self._train), self._left_s(), self._remark())
            self._advise_once()
            if self._preview is not None and self._preview.is_due:
                self._renew_preview()
            if self._do_what_is_due():
                return "interrupted"
            start_s = clock.now_s()
        return "images"

    def _reason_to_end(self) -> EndReason | None:
        """Return why no further step is trained; None if there is no reason."""
        if self._validator.should_stop:
            return "validation"
        limit_s, state = self._train.limit_s, self._state
        self._read_clock()
        if limit_s is None or state.step == 0:  # the first step is trained in any case, so that there is something
            return None
        # A step that would pass the limit by more than its half is not begun.
        return "minutes" if state.elapsed_s + self._step_s / 2 >= limit_s - state.end_s else None

    def _read_clock(self) -> None:
        """Set the time that the next step begins at; the same in all processes."""
        state = self._state
        state.elapsed_s = self._clock.elapsed_s()
        if self._train.limit_s is None:
            return
        self._estimate_end()
        numbers = (state.elapsed_s, self._own_step_s, state.validation_s, state.checkpoint_s)
        state.elapsed_s, self._step_s, state.validation_s, state.checkpoint_s = state.world.broadcast_numbers(numbers)

    def _estimate_end(self) -> None:
        """Estimate how long the last validation and checkpoint will take, as long as that was not measured."""
        state = self._state
        if not self._estimates_left or training_share(state, self._train) < self._estimates_left[0]:
            return
        self._estimates_left.pop(0)
        if not state.world.is_main or self._validation_is_measured:
            return
        state.validation_s = self._validator.estimate_s() + self._preview_s
        state.checkpoint_s = state.checkpoint_s or self._checkpointer.estimate_s()
        state.elapsed_s = self._clock.elapsed_s()

    def _left_s(self) -> float | None:
        """Return the seconds that the run will take from now on; None as long as that is not known.

        They follow from the limit of time, or from the number of images and the speed of this session.
        """
        train, state, left = self._train, self._state, list[float]()
        elapsed_s = self._clock.elapsed_s()
        if train.limit_s is not None:
            left.append(train.limit_s - elapsed_s)
        trained = state.images_seen - self._first_image
        if train.images is not None and trained > 0:
            per_image_s = self.training_s / trained
            left.append((train.images - state.images_seen) * per_image_s + state.end_s)
        return max(0.0, min(left)) if left else None

    def _advise_once(self) -> None:
        """Say what to do if the training will take days, as soon as that is known."""
        if self._is_advised or self.training_s < MEASURED_AFTER_S:
            return
        self._is_advised = True
        advice = slow_cpu_advice(self._state.device.type, self._left_s())
        if advice is not None:
            print_note(advice)

    def _remark(self) -> str:
        """Return loss and latest held-out figures, as far as there are any."""
        metrics = self._state.validation_metrics
        return ", ".join(text for text in (self._monitor.loss_text, held_out_text(metrics)) if text)

    def _do_what_is_due(self) -> bool:
        """Validate and save if that is due; return whether the user asked for a stop, and the step is saved."""
        train, state = self._train, self._state
        checkpoint_due = self._is_due(train.checkpoint_every_images)
        if checkpoint_due or self._is_due(train.validate_every_images):
            self._validate()  # before saving, because the checkpoint holds the metrics
        stopping = state.world.any(self._stop.requested)
        if checkpoint_due or stopping:
            self._save(required=stopping)
        return stopping

    def _is_due(self, every_images: int) -> bool:
        """Whether the latest batch passed a multiple of `every_images`, and the run does not end here."""
        state, train = self._state, self._train
        images, before = state.images_seen, max(state.images_seen - train.batch, 0)
        if images // every_images == before // every_images:
            return False
        # Just before the limit of time, what is due would take the place of the last steps.
        ends_soon = train.limit_s is not None and state.elapsed_s + self._step_s + 2 * state.end_s > train.limit_s
        return not ends_soon and (train.images is None or images < train.images)

    def _catch_up(self) -> None:
        """Do what was due at the step that the run was stopped at, and was skipped in order to stop quickly."""
        if self._state.images_seen == 0 or self._validator.is_current:
            return
        if self._is_due(self._train.checkpoint_every_images):
            self._validate()
            self._save()
        elif self._is_due(self._train.validate_every_images):
            self._validate()

    def _finish(self, reason: EndReason) -> None:
        """Validate and save the last step, unless a resumed run finds that done."""
        is_saved = self._validator.is_current and self._checkpointer.is_current
        self._validator.validate(self._stop)
        # The end of the run takes what is left of the limit: a run that ended by the clock has used all its time.
        used_s = (self._train.limit_s or 0.0) if reason == "minutes" else 0.0
        if not is_saved or self._saved_s < used_s:
            self._save(required=True, at_least_s=used_s)

    @property
    def _preview_s(self) -> float:
        """Seconds that the last preview will take."""
        return 0.0 if self._preview is None else self._preview.cost_s

    def _renew_preview(self) -> None:
        if self._preview is not None:
            self._preview.renew(live_text(training_share(self._state, self._train), self._left_s(), self._remark()))

    def _end_preview(self, reason: EndReason) -> None:
        if self._preview is None or (self._stop.requested and self._preview_s > _LONGEST_WAIT_S):
            return
        share = training_share(self._state, self._train)
        end = f"was stopped at {share:.0%}" if reason == "interrupted" else "has ended"
        self._preview.renew(f"The training {end}, after {counted(self._state.images_seen, 'image')}.", ended=True)

    def _validate(self) -> None:
        start_s = clock.now_s()
        self._validator.validate(self._stop)
        if self._validator.is_current:
            self._state.validation_s = clock.now_s() - start_s + self._preview_s
            self._validation_is_measured = True
        self._state.elapsed_s = self._clock.elapsed_s()

    def _save(self, *, required: bool = False, at_least_s: float = 0.0) -> None:
        """Save a checkpoint that says how much time has passed, at least so many seconds."""
        start_s = clock.now_s()
        self._state.elapsed_s = self._saved_s = max(self._clock.elapsed_s(), at_least_s)
        self._checkpointer.save(self._validator.current_metrics(), required=required)
        self._state.checkpoint_s = clock.now_s() - start_s
