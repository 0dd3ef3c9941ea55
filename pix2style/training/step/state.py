"""Everything that changes while training: networks, averages, optimisers, counters."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import nn

from pix2style.config import Config
from pix2style.config.train import OptimizerConfig, TrainConfig
from pix2style.errors import ConfigError
from pix2style.nets.discriminator import Discriminator
from pix2style.nets.generator import Generator
from pix2style.runs.networks import build_discriminator, build_generator
from pix2style.training.distributed import World
from pix2style.training.objective.distillation import build_distiller
from pix2style.training.objective.objective import Objective, build_objective
from pix2style.training.step.adam import ChannelsLastAdam
from pix2style.training.step.allocator import keep_freed_memory
from pix2style.training.step.nonfinite import Guard, LossScale

_SEEDS_APART = 1_000_003
_Module = TypeVar("_Module", bound=nn.Module)


@dataclass(slots=True)
class TrainingState:
    """The networks and how far they have come.

    Attributes:
        generator: learns.
        ema: its averaged weights, in evaluation mode; the generator itself where nothing is averaged.
        generator_optimizer: fused Adam, as is the other one.
        discriminator: None if the adversarial weight is 0.
        objective: losses, and the networks and running means that they need.
        device: where all of it is.
        guard: counts the steps that were left out.
        generator_scale, discriminator_scale: fp16's loss scales; else None.
        world: the processes that train together.
        step: optimiser steps done, those that were left out included.
        images_seen: training pictures seen; also the loader's position.
        figures: what the last look at held-out photos gave, by `best_by`'s names; empty before the first one.
        best: the best figure that `best_by` names, so far.
    """

    generator: Generator
    ema: Generator
    generator_optimizer: torch.optim.Optimizer
    discriminator: Discriminator | None
    discriminator_optimizer: torch.optim.Optimizer | None
    objective: Objective
    device: torch.device
    guard: Guard
    generator_scale: LossScale | None = None
    discriminator_scale: LossScale | None = None
    world: World = field(default_factory=World)
    step: int = 0
    images_seen: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    best: float | None = None

    @property
    def learned(self) -> list[nn.Parameter]:
        """What the generator's optimiser changes: its weights, and those that its losses learn with it."""
        return [*self.generator.parameters(), *self.objective.trainable_parameters()]

    @property
    def uses_glimpse(self) -> bool:
        """Whether the generator, or one that teaches it, looks at glimpses of whole photos."""
        distiller = self.objective.distiller
        return self.generator.uses_glimpse or (distiller is not None and distiller.teacher.uses_glimpse)


def build_state(config: Config) -> TrainingState:
    """Fresh networks, seeded by the configuration, on its device; the same in all processes.

    Raises:
        ConfigError: cuda is wanted and there is none, or fp16 without it.
        ArtifactError: the feature network's weights cannot be had.
    """
    train, world = config.train, World.current()
    device = pick_device(train)
    compute_dtype(train, device)
    if device.type == "cpu":
        keep_freed_memory()
    torch.manual_seed(config.seed)
    generator = _placed(build_generator(config.model), train, device)
    ema = generator
    if train.ema_halflife_images > 0:
        ema = _placed(build_generator(config.model), train, device)
        ema.load_state_dict(generator.state_dict())
        ema.eval().requires_grad_(False)
    discriminator = build_discriminator(config.model) if config.losses.adversarial.weight > 0 else None
    if discriminator is not None:
        _placed(discriminator, train, device)
    objective = _placed(build_objective(config, distiller=build_distiller(config, generator)), train, device)
    scaled = compute_dtype(train, device) == torch.float16
    state = TrainingState(
        generator=generator,
        ema=ema,
        generator_optimizer=_adam([*generator.parameters(), *objective.trainable_parameters()], train.generator),
        discriminator=discriminator,
        discriminator_optimizer=_adam(discriminator.parameters(), train.discriminator)
        if discriminator is not None
        else None,
        objective=objective,
        device=device,
        guard=Guard(device),
        generator_scale=LossScale(device) if scaled else None,
        discriminator_scale=LossScale(device) if scaled else None,
        world=world,
    )
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # crops have one size
    if train.compile:
        compile_networks(state, mode="reduce-overhead" if train.cuda_graphs and device.type == "cuda" else None)
    # dropout's random stream begins here, however many draws the fresh weights took; each process has its own
    torch.manual_seed(config.seed + 1 + world.rank * _SEEDS_APART)
    return state


def compile_networks(state: TrainingState, backend: str = "inductor", mode: str | None = None) -> None:
    """Compile what learns and what judges, in place, so that names in the state dict stay.

    After channels_last, which the compiler looks at. The averaged weights are left alone: they run rarely.

    Args:
        state: of fresh networks.
        backend: of torch.compile.
        mode: of torch.compile, for example reduce-overhead (CUDA graphs).
    """
    for network in (state.generator, state.discriminator, state.objective.features):
        if network is not None:
            network.compile(backend=backend, mode=mode)


def pick_device(train: TrainConfig) -> torch.device:
    """The device that the configuration asks for.

    Raises:
        ConfigError: cuda is wanted and torch finds none.
    """
    if train.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("[train -> device] cuda: torch finds no GPU: set train.device=cpu, or install a GPU driver")
    return torch.device("cuda" if train.device != "cpu" and torch.cuda.is_available() else "cpu")


def compute_dtype(train: TrainConfig, device: torch.device) -> torch.dtype:
    """What networks compute in; weights stay float32.

    Raises:
        ConfigError: fp16 without a GPU.
    """
    if train.precision == "fp16" and device.type != "cuda":
        raise ConfigError(
            "[train -> precision] fp16 is for GPUs, and this run is on the CPU: set train.precision=fp32, or bf16"
        )
    auto = "bf16" if device.type == "cuda" or _cpu_multiplies_bf16() else "fp32"
    wanted = auto if train.precision == "auto" else train.precision
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[wanted]


def _cpu_multiplies_bf16() -> bool:
    """Whether this processor has instructions for it (x86's AVX-512 BF16 or AMX); without them bf16 is slower."""
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 has no such function
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def autocast(train: TrainConfig, device: torch.device) -> AbstractContextManager[None]:
    """For a network's pass; a new one after each optimiser step, as it keeps converted weights while it is open."""
    dtype = compute_dtype(train, device)
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def _placed(network: _Module, train: TrainConfig, device: torch.device) -> _Module:
    layout = torch.channels_last if train.channels_last else torch.contiguous_format
    return network.to(device).to(memory_format=layout)


def _adam(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> torch.optim.Optimizer:
    return ChannelsLastAdam(parameters, lr=config.lr, betas=(config.beta1, config.beta2))
