"""One optimiser step of the game: the discriminator's, then the generator's."""

from __future__ import annotations

import torch
from torch import Tensor

from pix2style.config import Config
from pix2style.errors import TrainingError
from pix2style.training.data import PairBatch
from pix2style.training.state import TrainingState, set_learning_rates, update_ema, uses_bf16
from pix2style.training.step import DiscriminatorLosses, GeneratorLosses, discriminator_losses, generator_losses

_MOST_SKIPS_IN_A_ROW = 20


def advance(
    state: TrainingState, batch: PairBatch, config: Config
) -> tuple[GeneratorLosses, DiscriminatorLosses | None]:
    """Learn from one batch and count it.

    A step whose loss or gradient is not finite is left out (one such number would spread to every weight).

    Raises:
        TrainingError: too many steps in a row were left out.
    """
    set_learning_rates(state, config.train)
    state.generator.train()
    playing = state.discriminator is not None and state.images_seen >= config.losses.adversarial.start_images
    with torch.autocast(state.device.type, torch.bfloat16, enabled=uses_bf16(config.train, state.device)):
        output = state.generator(batch.content)
        d_losses = _discriminator_step(state, output.detach(), batch, config) if playing else None
        # fixed at the discriminator's new weights, which get no gradient from this loss
        g_losses = generator_losses(
            output, batch, config.losses, state.discriminator if playing else None, state.features
        )
    learned = _descend(g_losses.total, state.generator, state.generator_optimizer)
    state.step += 1
    state.images_seen += len(batch.content)
    if learned:
        update_ema(state, config.train)
    _count_skips(state, learned and (d_losses is None or bool(torch.isfinite(d_losses.total))))
    return g_losses, d_losses


def _discriminator_step(
    state: TrainingState, output: Tensor, batch: PairBatch, config: Config
) -> DiscriminatorLosses | None:
    if state.discriminator is None or state.discriminator_optimizer is None:
        return None
    d_losses = discriminator_losses(state.discriminator, output, batch, config.losses)
    _descend(d_losses.total, state.discriminator, state.discriminator_optimizer)
    return d_losses


def _descend(loss: Tensor, network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    """Step down the loss's gradient; False if it is not finite, and nothing changed."""
    parameters = list(network.parameters())
    optimizer.zero_grad(set_to_none=True)
    # only this network's gradients: the other one's would be computed for nothing
    torch.autograd.backward(loss, inputs=parameters)
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if not bool(torch.isfinite(norm + loss.detach())):
        return False
    optimizer.step()
    return True


def _count_skips(state: TrainingState, learned: bool) -> None:
    state.skipped_in_a_row = 0 if learned else state.skipped_in_a_row + 1
    if state.skipped_in_a_row >= _MOST_SKIPS_IN_A_ROW:
        raise TrainingError(
            f"step {state.step}: losses or gradients were not finite {_MOST_SKIPS_IN_A_ROW} times in a row:"
            " lower the learning rates, or set train.precision=fp32, and resume from the last checkpoint"
        )
