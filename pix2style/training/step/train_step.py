"""One optimiser step of the game: the discriminator's, then the generator's; nothing in it waits for a GPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pix2style.config import Config
from pix2style.training.batch import PairBatch
from pix2style.training.distributed import flatten_tensors, unflatten_tensors
from pix2style.training.objective.objective import DiscriminatorLosses, GeneratorLosses
from pix2style.training.step.nonfinite import LossScale
from pix2style.training.step.schedule import set_learning_rates, update_ema
from pix2style.training.step.state import TrainingState, autocast

_Losses = TypeVar("_Losses", GeneratorLosses, DiscriminatorLosses)
_Network = TypeVar("_Network", bound=nn.Module | None)


@dataclass(frozen=True, slots=True)
class Descent:
    """What a network's step came to; one number each, on the device.

    Attributes:
        gradient_norm: L2 norm over all parameters and processes.
        skipped: bool; the step was left out because loss or gradient was not finite.
    """

    gradient_norm: Tensor
    skipped: Tensor


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step's figures, still on the device; losses are means over this process's pictures.

    Attributes:
        generator: parts of its loss.
        discriminator: of the discriminator's; None while the game is not played.
        generator_descent, discriminator_descent: gradients, the same in all processes.
    """

    generator: GeneratorLosses
    discriminator: DiscriminatorLosses | None
    generator_descent: Descent
    discriminator_descent: Descent | None

    def figures(self) -> dict[str, Tensor]:
        """By the names that metrics.jsonl uses."""
        found: dict[str, Tensor] = {}
        for name, losses, descent in (
            ("generator", self.generator, self.generator_descent),
            ("discriminator", self.discriminator, self.discriminator_descent),
        ):
            if losses is not None and descent is not None:
                parts = {field.name: getattr(losses, field.name) for field in dataclasses.fields(losses)}
                found |= {f"{name}/{part}": value for part, value in parts.items() if value is not None}
                found[f"{name}/gradient_norm"] = descent.gradient_norm
        return found


def advance(state: TrainingState, parts: Sequence[PairBatch], config: Config) -> StepReport:
    """Learn from one batch and count it.

    The discriminator learns first; the generator then plays against its new weights, as in the 2017 recipe. A step
    whose loss or gradient is not finite is left out in all processes (one such number would spread to every weight),
    and counted in `state.guard`.

    Args:
        state: changed in place.
        parts: this process's share of the batch, in the parts that are computed one after the other
            (`train.accumulate`): for all of them together one step is taken.
        config: the experiment.
    """
    set_learning_rates(state, config.train)
    state.generator.train()
    if config.train.cuda_graphs and state.device.type == "cuda":
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
    running = _Running(state)
    playing = state.objective.adversarial_active(state.images_seen)
    # With several parts the discriminator has to see all of them before the generator is judged: keeping every part's
    # graph until then would save no memory, so that the generator's pass is repeated, with the same dropout.
    outputs = [paint(state, part, config, repeat=len(parts) > 1) for part in parts] if playing else None
    d_losses, d_descent = teach_discriminator(state, parts, outputs, config) if outputs else (None, None)
    g_losses, g_descent = teach_generator(state, parts, outputs, config)
    skipped = g_descent.skipped if d_descent is None else g_descent.skipped | d_descent.skipped
    running.settle(skipped)
    state.step += 1
    state.images_seen += sum(len(part.content) for part in parts) * state.world.size
    update_ema(state, config.train)
    report = StepReport(g_losses, d_losses, g_descent, d_descent)
    state.guard.note(skipped, report.figures())
    return report


def paint(state: TrainingState, part: PairBatch, config: Config, *, repeat: bool = False) -> Tensor:
    """The generator's pictures of a part, [batch, 3, height, width]; `repeat`: compute its graph again when needed."""
    network = state.generator
    with autocast(config.train, state.device), state.objective.watching():
        glimpse = part.glimpse if network.uses_glimpse else None
        context = None if glimpse is None else network.context_from_glimpse(glimpse)
        if repeat:
            painted: Tensor = checkpoint(network, part.content, context, part.style, use_reentrant=False)
        else:
            painted = network(part.content, context=context, style=part.style)
    return painted


def teach_discriminator(
    state: TrainingState, parts: Sequence[PairBatch], outputs: Sequence[Tensor], config: Config
) -> tuple[DiscriminatorLosses, Descent]:
    """The discriminator's step; the generator's pictures `outputs` are given, and it gets no gradient."""
    network, optimizer = state.discriminator, state.discriminator_optimizer
    if network is None or optimizer is None:
        raise ValueError("the objective plays against a discriminator, and there is none")
    optimizer.zero_grad(set_to_none=True)
    found: list[DiscriminatorLosses] = []
    for part, output in zip(parts, outputs, strict=True):
        with autocast(config.train, state.device):
            losses = state.objective.discriminator_losses(network, output.detach(), part)
        _backward(losses.total, list(network.parameters()), state.discriminator_scale, _share(part, parts))
        found.append(losses)
    mean = _mean(found, parts)
    learned, limit = list(network.parameters()), config.train.discriminator.clip_norm
    return mean, _descend(state, mean.total, learned, optimizer, state.discriminator_scale, limit=limit)


def teach_generator(
    state: TrainingState, parts: Sequence[PairBatch], outputs: Sequence[Tensor] | None, config: Config
) -> tuple[GeneratorLosses, Descent]:
    """The generator's step, against the discriminator as it is now; `outputs` None: without it."""
    optimizer, found = state.generator_optimizer, list[GeneratorLosses]()
    optimizer.zero_grad(set_to_none=True)
    for i, part in enumerate(parts):
        output = outputs[i] if outputs is not None else paint(state, part, config)
        judging = state.discriminator if outputs is not None else None
        with autocast(config.train, state.device), _frozen(judging) as opponent:
            losses = state.objective.generator_losses(output, part, opponent, images_seen=state.images_seen)
        _backward(losses.total, state.learned, state.generator_scale, _share(part, parts))
        found.append(losses)
    mean = _mean(found, parts)
    limit = config.train.generator.clip_norm
    return mean, _descend(state, mean.total, state.learned, optimizer, state.generator_scale, limit=limit)


@contextmanager
def _frozen(network: _Network) -> Iterator[_Network]:
    """Its weights get no gradients from what is computed in the block: compiled, a backward pass cannot skip them."""
    learned = [] if network is None else [one for one in network.parameters() if one.requires_grad]
    try:
        for parameter in learned:
            parameter.requires_grad_(False)
        yield network
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)


def _backward(loss: Tensor, learned: list[nn.Parameter], scale: LossScale | None, share: float) -> None:
    scaled = loss if share == 1 else loss * share
    if scale is not None:
        scaled = scaled * scale.value
    # only this network's gradients: the other one's would be computed for nothing
    torch.autograd.backward(scaled, inputs=learned)


def _descend(
    state: TrainingState,
    loss: Tensor,
    learned: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    scale: LossScale | None,
    *,
    limit: float | None,
) -> Descent:
    """Step down the mean gradient of all processes, unless it or the loss is not finite; `limit`: at most so long."""
    gradients = [parameter.grad for parameter in learned if parameter.grad is not None]
    total = loss.detach().float().reshape(1).clone()
    state.world.all_reduce_mean_([*gradients, total])
    norm = torch.nn.utils.get_total_norm(gradients)
    skipped = ~torch.isfinite(norm + total[0])
    # fused Adam reads these two on the device: it divides by the scale, and does nothing where found_inf is 1
    optimizer.found_inf = skipped.float()  # type: ignore[attr-defined]
    divide_by = None if scale is None else scale.value
    if scale is not None:
        norm = norm / scale.value
        scale.update(skipped)
    if limit is not None:
        too_long = (norm / limit).clamp(min=1)
        divide_by = too_long if divide_by is None else divide_by * too_long
    optimizer.grad_scale = divide_by  # type: ignore[attr-defined]
    optimizer.step()
    return Descent(norm, skipped)


def _share(part: PairBatch, parts: Sequence[PairBatch]) -> float:
    return len(part.content) / sum(len(each.content) for each in parts)


@torch.no_grad()
def _mean(found: Sequence[_Losses], parts: Sequence[PairBatch]) -> _Losses:
    """The parts' losses as the whole's, without their graphs."""
    first, shares = found[0], [_share(part, parts) for part in parts]
    means: dict[str, Any] = {}
    for field in dataclasses.fields(first):
        values = [getattr(losses, field.name) for losses in found]
        if len(values) == 1:
            means[field.name] = None if values[0] is None else values[0].detach()
            continue
        known = [value.detach() * share for value, share in zip(values, shares, strict=True) if value is not None]
        means[field.name] = torch.stack(known).sum(0) if known else None
    return dataclasses.replace(first, **means)


class _Running:
    """What a step changes besides weights: BatchNorm's statistics, and spectral norm's vectors.

    Processes agree on their mean, so that any one's are everyone's; a step that is left out leaves them as they were.
    """

    def __init__(self, state: TrainingState) -> None:
        networks: list[nn.Module] = [state.generator]
        networks += [state.discriminator] if state.discriminator is not None else []
        self._buffers = [b for network in networks for b in network.buffers() if b.is_floating_point()]
        self._before = flatten_tensors(self._buffers) if self._buffers else None
        self._world = state.world

    @torch.no_grad()
    def settle(self, skipped: Tensor) -> None:
        """After the step."""
        if self._before is None:
            return
        after = flatten_tensors(self._buffers)
        self._world.all_reduce_mean_([after])
        torch._foreach_copy_(self._buffers, unflatten_tensors(torch.where(skipped, self._before, after), self._buffers))
