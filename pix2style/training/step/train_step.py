"""Train the discriminator and then the generator on one batch. Nothing here makes the host wait for a GPU."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pix2style.config.train import TrainConfig
from pix2style.nets.generator import GeneratorOutput
from pix2style.training.batch import PairBatch
from pix2style.training.objective.step_losses import DiscriminatorLosses, GeneratorLosses, average_losses
from pix2style.training.step.buffers import BufferSync
from pix2style.training.step.device import autocast
from pix2style.training.step.nonfinite import LossScale
from pix2style.training.step.optimizer_step import OptimizerStep, optimizer_step
from pix2style.training.step.schedule import set_learning_rates, training_share, update_ema
from pix2style.training.step.state import TrainingState

_Network = TypeVar("_Network", bound=nn.Module | None)


@dataclass(frozen=True, slots=True)
class StepReport:
    """Losses and gradient norms of one training step; all tensors are still on the device.

    Attributes:
        generator_losses: Terms of the generator's loss, as means over this process's images.
        discriminator_losses: The same of the discriminator; None if the adversarial loss is not active.
        generator_optimizer_step: The generator's update, the same in all processes.
        discriminator_optimizer_step: The discriminator's update; None if the adversarial loss is not active.
        learning_rate_factor: Factor of the configured learning rates in this step.
        share: Share of the training that was done before this step.
    """

    generator_losses: GeneratorLosses
    discriminator_losses: DiscriminatorLosses | None
    generator_optimizer_step: OptimizerStep
    discriminator_optimizer_step: OptimizerStep | None
    learning_rate_factor: float
    share: float

    def metrics(self) -> dict[str, Tensor]:
        """Return the loss terms and gradient norms under their names in metrics.jsonl, one element each."""
        metrics: dict[str, Tensor] = {}
        for network, losses, step in (
            ("generator", self.generator_losses, self.generator_optimizer_step),
            ("discriminator", self.discriminator_losses, self.discriminator_optimizer_step),
        ):
            if losses is not None and step is not None:
                metrics |= {f"{network}/{name}": value for name, value in losses.metrics().items()}
                metrics[f"{network}/gradient_norm"] = step.gradient_norm
        return metrics


def train_step(state: TrainingState, micro_batches: Sequence[PairBatch], train: TrainConfig) -> StepReport:
    """Update the networks by one batch, and count it.

    The discriminator is updated first; the generator is then trained against its new weights, as in the 2017 recipe.
    A step whose loss or gradient is not finite is skipped in all processes and counted in `state.nonfinite`.

    Args:
        state: Training state, changed in place.
        micro_batches: This process's share of the batch, in `train.accumulate` parts whose gradients are accumulated
            before one optimiser step.
        train: Section `train` of the configuration.
    """
    lr_factor, share = set_learning_rates(state, train), training_share(state, train)
    state.share_reached = max(state.share_reached, share)
    state.generator.train()
    if train.cuda_graphs and state.device.type == "cuda":
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
    buffers = BufferSync(state)
    adversarial_active = state.objective.adversarial_active(state.images_seen, state.share_reached)
    outputs, d_losses, d_step = None, None, None
    if adversarial_active:
        # The discriminator has to see all micro-batches before the generator's loss is computed. Keeping the
        # generator's activations of every micro-batch until then would save no memory, so with more than one, its
        # forward pass is repeated when its gradient is computed, with the same dropout (torch.utils.checkpoint).
        repeat = len(micro_batches) > 1
        outputs = [generate(state, micro_batch, train, repeat=repeat) for micro_batch in micro_batches]
        d_losses, d_step = discriminator_step(state, micro_batches, outputs, train)
    g_losses, g_step = generator_step(state, micro_batches, outputs, train)
    skipped = g_step.skipped if d_step is None else g_step.skipped | d_step.skipped
    buffers.finish(skipped)
    state.step += 1
    state.images_seen += sum(len(micro_batch.content) for micro_batch in micro_batches) * state.world.size
    update_ema(state, train)
    report = StepReport(g_losses, d_losses, g_step, d_step, lr_factor, share)
    state.nonfinite.record(skipped, report.metrics())
    return report


def generate(
    state: TrainingState, micro_batch: PairBatch, train: TrainConfig, *, repeat: bool = False
) -> GeneratorOutput:
    """Run the generator on a micro-batch.

    Args:
        state: Training state.
        micro_batch: Content images, with style weights and glimpses if the generator takes them.
        train: Section `train` of the configuration.
        repeat: Keep no activations, but repeat the forward pass when the gradient is computed.

    Returns:
        Outputs, [batch, 3, height, width] in [-1, 1], and the features that the generator's losses need.
    """
    network = state.generator
    with autocast(train, state.device):
        glimpse = micro_batch.glimpse if network.uses_glimpse else None
        context = None if glimpse is None else network.context_from_glimpse(glimpse)
        forward = functools.partial(checkpoint, network, use_reentrant=False) if repeat else network
        stages = state.objective.feature_stages
        output: GeneratorOutput = forward(micro_batch.content, context, micro_batch.style, stages)
    return output


def discriminator_step(
    state: TrainingState, micro_batches: Sequence[PairBatch], outputs: Sequence[GeneratorOutput], train: TrainConfig
) -> tuple[DiscriminatorLosses, OptimizerStep]:
    """Update the discriminator, with the generator's outputs as fixed inputs.

    Args:
        state: Training state with a discriminator; changed in place.
        micro_batches: This process's share of the batch.
        outputs: The generator's outputs for each micro-batch; the generator gets no gradient.
        train: Section `train` of the configuration.

    Raises:
        ValueError: There is no discriminator.
    """
    network, optimizer = state.discriminator, state.discriminator_optimizer
    if network is None or optimizer is None:
        raise ValueError("the adversarial loss needs a discriminator, and this training state has none")
    optimizer.zero_grad(set_to_none=True)
    parameters = list(network.parameters())
    all_losses: list[DiscriminatorLosses] = []
    for micro_batch, output in zip(micro_batches, outputs, strict=True):
        with autocast(train, state.device):
            losses = state.objective.discriminator_losses(network, output.image.detach(), micro_batch)
        _backward(losses.total, parameters, state.discriminator_scale, _share(micro_batch, micro_batches))
        all_losses.append(losses)
    mean = average_losses(all_losses, [_share(micro_batch, micro_batches) for micro_batch in micro_batches])
    step = optimizer_step(
        optimizer,
        parameters,
        mean.total,
        loss_scale=state.discriminator_scale,
        clip_norm=train.discriminator.clip_norm,
        world=state.world,
    )
    return mean, step


def generator_step(
    state: TrainingState,
    micro_batches: Sequence[PairBatch],
    outputs: Sequence[GeneratorOutput] | None,
    train: TrainConfig,
) -> tuple[GeneratorLosses, OptimizerStep]:
    """Update the generator, against the discriminator's present weights.

    Args:
        state: Training state; changed in place.
        micro_batches: This process's share of the batch.
        outputs: The generator's outputs for each micro-batch; None if the adversarial loss is not active. Each
            micro-batch is then generated here, which keeps the activations of one micro-batch at a time.
        train: Section `train` of the configuration.
    """
    state.generator_optimizer.zero_grad(set_to_none=True)
    all_losses: list[GeneratorLosses] = []
    for i, micro_batch in enumerate(micro_batches):
        output = outputs[i] if outputs is not None else generate(state, micro_batch, train)
        discriminator = state.discriminator if outputs is not None else None
        with autocast(train, state.device), _frozen(discriminator) as frozen:
            losses = state.objective.generator_losses(
                output.image,
                micro_batch,
                frozen,
                images_seen=state.images_seen,
                share=state.share_reached,
                features=output.features,
                regenerate=lambda batch: generate(state, batch, train).image,
            )
        share = _share(micro_batch, micro_batches)
        _backward(losses.total, state.generator_parameters, state.generator_scale, share)
        all_losses.append(losses)
    mean = average_losses(all_losses, [_share(micro_batch, micro_batches) for micro_batch in micro_batches])
    step = optimizer_step(
        state.generator_optimizer,
        state.generator_parameters,
        mean.total,
        loss_scale=state.generator_scale,
        clip_norm=train.generator.clip_norm,
        world=state.world,
    )
    return mean, step


@contextmanager
def _frozen(network: _Network) -> Iterator[_Network]:
    """Compute no gradients of the network's parameters in the block.

    Naming the parameters that get gradients (`_backward`) is not enough: the backward pass of a compiled network
    computes the gradients of all parameters that required one in the forward pass.
    """
    parameters = [] if network is None else [p for p in network.parameters() if p.requires_grad]
    try:
        for parameter in parameters:
            parameter.requires_grad_(False)
        yield network
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _backward(loss: Tensor, parameters: list[nn.Parameter], loss_scale: LossScale | None, share: float) -> None:
    """Add the gradients of `share` times the loss to the parameters' gradients."""
    scaled = loss if share == 1 else loss * share
    if loss_scale is not None:
        scaled = scaled * loss_scale.value
    # `inputs`: the generator's loss also depends on the discriminator's parameters, whose gradients nobody needs.
    torch.autograd.backward(scaled, inputs=parameters)


def _share(micro_batch: PairBatch, micro_batches: Sequence[PairBatch]) -> float:
    """Return the micro-batch's share of the images, so that accumulated gradients are means over all images."""
    return len(micro_batch.content) / sum(len(other.content) for other in micro_batches)
