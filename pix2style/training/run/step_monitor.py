"""Watch training steps: log their metrics, and react to skipped ones.

Reading a value from a GPU makes the host wait until the GPU has finished its queue. The classes here therefore read
only at the steps at which something is logged, or at which too many steps might have been skipped.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from pix2style.config.train import TrainConfig
from pix2style.training.run.skipped_steps import SkippedStepReporter
from pix2style.training.step.nonfinite import SkippedSteps
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import StepReport
from pix2style.training.tracking import Trackers, step_metrics

_SMOOTHED_STEPS = 50  # the loss that is shown is an average over about so many steps,
_SMOOTHED_PERIODS = 16  # or over so many periods of `every` of losses, if these are longer
_LOSS_READ_EVERY_S = 1.0  # because reading waits for the GPU


class MetricsLogger:
    """Logs the metrics of single steps to the trackers.

    All processes have to call `log` at the same step, because the losses are averaged over them.

    Args:
        state: Training state.
        train: Section `train`.
        trackers: Trackers to log to.
    """

    def __init__(self, state: TrainingState, train: TrainConfig, trackers: Trackers) -> None:
        self._state, self._train, self._trackers = state, train, trackers
        self._last_log_s, self._last_log_images = time.perf_counter(), state.images_seen

    def log(self, report: StepReport, skipped: SkippedSteps) -> None:
        """Log the metrics of a step, averaged over all processes."""
        state = self._state
        # Cloned, because the averages are written in place, while the report has to keep this process's own values.
        losses = {name: value.detach().float().reshape(1).clone() for name, value in report.metrics().items()}
        state.world.all_reduce_mean_(list(losses.values()))
        scales = {"generator/loss_scale": state.generator_scale, "discriminator/loss_scale": state.discriminator_scale}
        tensors: dict[str, Tensor] = {**losses, **{k: scale.value for k, scale in scales.items() if scale is not None}}
        optimizers = {"generator": state.generator_optimizer, "discriminator": state.discriminator_optimizer}
        metrics = step_metrics(tensors, optimizers, state.device)
        metrics["images_per_s"] = self._images_per_s()
        metrics |= {"images_seen": float(state.images_seen), "skipped_steps": float(skipped.total)}
        metrics |= {"lr_share": report.learning_rate_factor, "share": report.share}
        self._trackers.log(state.step, metrics)

    def _images_per_s(self) -> float:
        """Measure the images per second since the previous call."""
        now, images = time.perf_counter(), self._state.images_seen
        rate = (images - self._last_log_images) / max(now - self._last_log_s, 1e-9)
        self._last_log_s, self._last_log_images = now, images
        return rate


class SmoothedLoss:
    """Averages the generator's loss over the latest steps, on the device, so that nobody waits for it.

    With `losses.features.every` the losses on features are part of every n-th step only, with n times their weight: the
    loss of a single step says more about its number than about the training.

    Args:
        device: Device that the losses are on.
        every: Number of steps after which the same losses are computed again (`LossesConfig.period_steps`).
    """

    def __init__(self, device: torch.device, every: int) -> None:
        self._keep = 1 - 1 / max(_SMOOTHED_STEPS, _SMOOTHED_PERIODS * every)
        self._sum, self._weight = torch.zeros((), device=device), torch.zeros((), device=device)
        self._text, self._read_s = "", float("-inf")

    @torch.no_grad()
    def add(self, loss: Tensor) -> None:
        """Add the loss of a step; one that is not finite does not count."""
        is_finite = loss.isfinite()
        self._sum = self._sum * self._keep + torch.where(is_finite, loss, 0.0)
        self._weight = self._weight * self._keep + is_finite

    def text(self) -> str:
        """Return for example `loss 1.234`, read from the device once a second; empty before the first step."""
        now = time.monotonic()
        if not self._text or now - self._read_s >= _LOSS_READ_EVERY_S:
            weight, self._read_s = float(self._weight), now
            self._text = f"loss {float(self._sum) / weight:.3f}" if weight > 0 else ""
        return self._text


class StepMonitor:
    """Reads the results of a step when that is due, logs them, and reports skipped steps.

    Args:
        state: Training state.
        train: Section `train`.
        logger: Logs metrics every `train.log_every` steps.
        reporter: Reports skipped steps.
        loss: Average of the generator's loss, for people who watch.
    """

    def __init__(
        self,
        state: TrainingState,
        train: TrainConfig,
        logger: MetricsLogger,
        reporter: SkippedStepReporter,
        loss: SmoothedLoss,
    ) -> None:
        self._state, self._train, self._logger, self._reporter, self._loss = state, train, logger, reporter, loss
        # On the CPU reading costs nothing.
        on_cpu = state.device.type == "cpu"
        self._read_every = 1 if on_cpu else max(1, min(train.log_every, train.skips_in_a_row))

    @property
    def loss_text(self) -> str:
        """The generator's loss, averaged over the latest steps of this process; empty before the first step."""
        return self._loss.text()

    def after_step(self, report: StepReport) -> None:
        """Handle a step's results.

        Raises:
            TrainingError: More steps in a row were skipped than `train.skips_in_a_row` allows.
        """
        self._loss.add(report.generator_losses.total.detach().float())
        step = self._state.step
        is_log_step = step % self._train.log_every == 0
        if not is_log_step and step % self._read_every:
            return
        skipped = self._state.nonfinite.read_skipped()
        if skipped.new:
            self._reporter.report(skipped, report)
        if is_log_step:
            self._logger.log(report, skipped)
