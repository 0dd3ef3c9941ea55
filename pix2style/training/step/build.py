"""Build the networks, losses and optimisers that a configuration asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import nn

from pix2style.config import Config
from pix2style.config.train import OptimizerConfig, TrainConfig
from pix2style.runs.networks import build_discriminator, build_generator
from pix2style.system.allocator import keep_freed_memory
from pix2style.training.distributed import World
from pix2style.training.objective.distillation import build_distiller
from pix2style.training.objective.objective import build_objective
from pix2style.training.step.adam import ChannelsLastAdam
from pix2style.training.step.device import compiles, compute_dtype, pick_device
from pix2style.training.step.muon import Muon
from pix2style.training.step.nonfinite import LossScale, NonFiniteMonitor
from pix2style.training.step.state import TrainingState

# Distance of the processes' dropout seeds: larger than the seeds that people set for repeated runs (0, 1, 2, ...), so
# that no process of one run draws the dropout of another run.
_SEED_STRIDE = 1_000_003
_Module = TypeVar("_Module", bound=nn.Module)


def build_state(config: Config) -> TrainingState:
    """Build a training state with fresh weights, on the configuration's device.

    The weights depend on `config.seed` alone: they are the same in all processes.

    Raises:
        ConfigError: `train.device` is "cuda" and there is no GPU, or `train.precision` is "fp16" without a GPU.
        ArtifactError: The weights of the feature network or of the distillation teacher cannot be loaded.
    """
    train, world = config.train, World.current()
    device = pick_device(train)
    loss_is_scaled = compute_dtype(train, device) == torch.float16
    if device.type == "cpu":
        keep_freed_memory()
    torch.manual_seed(config.seed)
    generator = _place(build_generator(config.model), train, device)
    ema = generator
    if train.ema_halflife_images > 0:
        ema = _place(build_generator(config.model), train, device)
        ema.load_state_dict(generator.state_dict())
        ema.eval().requires_grad_(False)
    discriminator = build_discriminator(config.model) if config.losses.adversarial.weight > 0 else None
    if discriminator is not None:
        _place(discriminator, train, device)
    objective = _place(build_objective(config, distiller=build_distiller(config, generator)), train, device)
    state = TrainingState(
        generator=generator,
        ema=ema,
        generator_optimizer=build_optimizer(
            [*generator.parameters(), *objective.trainable_parameters()], train.generator
        ),
        discriminator=discriminator,
        discriminator_optimizer=build_optimizer(discriminator.parameters(), train.discriminator)
        if discriminator is not None
        else None,
        objective=objective,
        device=device,
        nonfinite=NonFiniteMonitor(device),
        generator_scale=LossScale(device) if loss_is_scaled else None,
        discriminator_scale=LossScale(device) if loss_is_scaled else None,
        world=world,
    )
    if device.type == "cuda":
        # It pays off if all crops have the same size; whole pairs would be timed again for each size.
        torch.backends.cudnn.benchmark = train.augment.crop is not None
    if compiles(train, device):
        compile_networks(state, mode="reduce-overhead" if train.cuda_graphs and device.type == "cuda" else None)
    # Seed again: dropout's random stream must not depend on how many numbers the fresh weights took, which changes
    # with the architecture. Each process gets a stream of its own, or all would drop the same channels.
    torch.manual_seed(config.seed + 1 + world.rank * _SEED_STRIDE)
    return state


def compile_networks(state: TrainingState, backend: str = "inductor", mode: str | None = None) -> None:
    """Compile generator, discriminator and feature network in place, so that the keys of their state dicts stay.

    Call it after the networks are in channels_last, because compiled code depends on the memory layout. The averaged
    generator stays uncompiled: it runs in validation only.

    Args:
        state: Training state with fresh networks.
        backend: Backend of torch.compile.
        mode: Mode of torch.compile, for example "reduce-overhead", which replays CUDA graphs.
    """
    for network in (state.generator, state.discriminator, state.objective.feature_network):
        if network is not None:
            network.compile(backend=backend, mode=mode)


def _place(network: _Module, train: TrainConfig, device: torch.device) -> _Module:
    layout = torch.channels_last if train.channels_last else torch.contiguous_format
    return network.to(device).to(memory_format=layout)


def build_optimizer(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> torch.optim.Optimizer:
    """Return the optimiser of a network.

    Args:
        parameters: The network's parameters, in the memory layout that they are trained in.
        config: Its kind and its settings.
    """
    betas = config.beta1, config.beta2
    if config.kind == "muon":
        return Muon(parameters, momentum=config.momentum, lr=config.lr, betas=betas)
    return ChannelsLastAdam(parameters, lr=config.lr, betas=betas)
