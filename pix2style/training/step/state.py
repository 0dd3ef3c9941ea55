"""The training state: everything that changes while a network is trained."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn

from pix2style.nets.discriminator import Discriminator
from pix2style.nets.generator import Generator
from pix2style.training.distributed import World
from pix2style.training.objective.objective import Objective
from pix2style.training.step.nonfinite import LossScale, NonFiniteMonitor

_END_MARGIN = 1.15  # validation and checkpoint take longer on a machine that has become busy
_EXIT_S = 1.0


@dataclass(slots=True)
class TrainingState:
    """Networks, optimisers and counters of a run; `build_state` makes it, and a checkpoint restores it.

    Attributes:
        generator: Network that is trained.
        ema: Copy of the generator with the exponential moving average of its weights, in evaluation mode. It is the
            generator itself if `train.ema_halflife_images` is 0.
        generator_optimizer: Fused Adam or Muon over `generator_parameters`.
        discriminator: Network that the generator is trained against; None if `losses.adversarial.weight` is 0.
        discriminator_optimizer: Fused Adam or Muon of the discriminator; None without a discriminator.
        objective: The losses, with the frozen networks and the running means that they need.
        device: Device that all of these are on.
        nonfinite: Counter of the steps that were skipped because a loss or gradient was not finite.
        generator_scale, discriminator_scale: Loss scales; None unless networks compute in fp16.
        world: The processes that train together.
        step: Number of optimiser steps so far, skipped ones included.
        images_seen: Number of training images so far, over all processes. It is also the position in the stream of
            crops at which the next batch begins.
        elapsed_s: Training time in seconds before the next step, over all sessions of the run; set by the run's loop.
        validation_s, checkpoint_s: Seconds that a validation and a checkpoint take: measured, or estimated before the
            first one. Both follow the last step.
        share_reached: Largest share of the training that a step began at. Losses begin by it, so that a loss that has
            begun stays when a run is resumed with a longer training.
        validation_metrics: Result of the latest validation, keyed by the names that `train.best_by` allows; empty
            before the first validation.
        best_metric: Best value so far of the metric that `train.best_by` names; None before the first validation.
    """

    generator: Generator
    ema: Generator
    generator_optimizer: torch.optim.Optimizer
    discriminator: Discriminator | None
    discriminator_optimizer: torch.optim.Optimizer | None
    objective: Objective
    device: torch.device
    nonfinite: NonFiniteMonitor
    generator_scale: LossScale | None = None
    discriminator_scale: LossScale | None = None
    world: World = field(default_factory=World)
    step: int = 0
    images_seen: int = 0
    elapsed_s: float = 0.0
    validation_s: float = 0.0
    checkpoint_s: float = 0.0
    share_reached: float = 0.0
    validation_metrics: dict[str, float] = field(default_factory=dict)
    best_metric: float | None = None

    @property
    def end_s(self) -> float:
        """Seconds to keep for what follows the last step: validation, checkpoint and the exit of the program."""
        return _END_MARGIN * (self.validation_s + self.checkpoint_s) + _EXIT_S

    @property
    def generator_parameters(self) -> list[nn.Parameter]:
        """Parameters that the generator's optimiser updates: its own, and those that its losses learn with it."""
        return [*self.generator.parameters(), *self.objective.trainable_parameters()]

    @property
    def uses_glimpse(self) -> bool:
        """Whether the generator, or the trained generator that it is distilled from, takes a glimpse of the photo."""
        distiller = self.objective.distiller
        return self.generator.uses_glimpse or (distiller is not None and distiller.teacher.uses_glimpse)
