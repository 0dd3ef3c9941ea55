"""Everything that changes while training: networks, averages, optimisers, counters."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pix2style.config import Config
from pix2style.config.losses import PerceptualConfig
from pix2style.config.train import OptimizerConfig, TrainConfig
from pix2style.errors import ConfigError
from pix2style.nets.autoencoder import load_autoencoder
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.nets.generator import Generator
from pix2style.nets.patchgan import PatchGan
from pix2style.runs.networks import build_discriminator, build_generator

# The averaged weights follow a young run more closely: Karras et al., EDM (arXiv:2206.00364), `ema_rampup_ratio`.
_EMA_RAMPUP = 0.05


@dataclass(slots=True)
class TrainingState:
    """The networks and how far they have come.

    Attributes:
        generator: learns.
        ema: its averaged weights, in evaluation mode; the generator itself where nothing is averaged.
        discriminator: None if the adversarial weight is 0.
        features: None if the perceptual weight is 0.
        step: optimiser steps done.
        images_seen: training pictures seen; also the loader's position.
        skipped_in_a_row: steps that were left out because a loss or gradient was not finite.
        val_l1, best_val_l1: see `CheckpointMeta`.
    """

    generator: Generator
    ema: Generator
    generator_optimizer: torch.optim.Optimizer
    discriminator: PatchGan | None
    discriminator_optimizer: torch.optim.Optimizer | None
    features: FeatureNetwork | None
    device: torch.device
    step: int = 0
    images_seen: int = 0
    skipped_in_a_row: int = 0
    val_l1: float | None = None
    best_val_l1: float | None = None


def build_state(config: Config) -> TrainingState:
    """Fresh networks, seeded by the configuration, on its device.

    Raises:
        ConfigError: cuda is wanted and there is none.
        ArtifactError: the feature network's weights cannot be had.
    """
    train = config.train
    device = pick_device(train)
    torch.manual_seed(config.seed)
    layout = torch.channels_last if train.channels_last else torch.contiguous_format
    generator = build_generator(config.model).to(device).to(memory_format=layout)
    ema = generator
    if train.ema_halflife_images > 0:
        ema = build_generator(config.model).to(device).to(memory_format=layout)
        ema.load_state_dict(generator.state_dict())
        ema.eval().requires_grad_(False)
    discriminator = build_discriminator(config.model) if config.losses.adversarial.weight > 0 else None
    if discriminator is not None:
        discriminator.to(device).to(memory_format=layout)
    features = load_features(config.losses.perceptual)
    if features is not None:
        features.to(device).to(memory_format=layout)
    state = TrainingState(
        generator=generator,
        ema=ema,
        generator_optimizer=_adam(generator, train.generator),
        discriminator=discriminator,
        discriminator_optimizer=_adam(discriminator, train.discriminator) if discriminator is not None else None,
        features=features,
        device=device,
    )
    if train.compile:
        compile_networks(state)
    # dropout's random stream begins here, however many draws the fresh weights took
    torch.manual_seed(config.seed + 1)
    return state


def compile_networks(state: TrainingState, backend: str = "inductor") -> None:
    """Compile what learns and what judges, in place, so that names in the state dict stay.

    After channels_last, which the compiler looks at. The averaged weights are left alone: they run rarely.
    """
    for network in (state.generator, state.discriminator, state.features):
        if network is not None:
            network.compile(backend=backend)


def load_features(config: PerceptualConfig) -> FeatureNetwork | None:
    """The perceptual network, or None if its weight is 0.

    Raises:
        ArtifactError: its weights cannot be read or downloaded, or lack a layer.
    """
    if config.weight == 0:
        return None
    layers = list(config.layers)
    if config.network == "autoencoder" and config.weights is not None:
        return load_autoencoder(layers, config.weights)
    return load_vgg19(layers, config.weights)


def pick_device(train: TrainConfig) -> torch.device:
    """The device that the configuration asks for.

    Raises:
        ConfigError: cuda is wanted and torch finds none.
    """
    if train.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("[train -> device] cuda: torch finds no GPU: set train.device=cpu, or install a GPU driver")
    return torch.device("cuda" if train.device != "cpu" and torch.cuda.is_available() else "cpu")


def uses_bf16(train: TrainConfig, device: torch.device) -> bool:
    """Whether networks run in bfloat16 (weights stay float32)."""
    return train.precision == "bf16" or (train.precision == "auto" and device.type == "cuda")


def set_learning_rates(state: TrainingState, train: TrainConfig) -> float:
    """Set both optimisers' step sizes for the pictures seen so far; returns the share of the full size, 0 to 1."""
    begin = train.decay_from * train.images
    left = (train.images - state.images_seen) / max(train.images - begin, 1)
    share = min(1.0, max(0.0, left))
    for optimizer, config in (
        (state.generator_optimizer, train.generator),
        (state.discriminator_optimizer, train.discriminator),
    ):
        for group in optimizer.param_groups if optimizer is not None else ():
            group["lr"] = config.lr * share
    return share


@torch.no_grad()
def update_ema(state: TrainingState, train: TrainConfig) -> None:
    """Move the averaged weights towards the generator's; copy what is no weight (BatchNorm's statistics)."""
    if state.ema is state.generator:
        return
    halflife = min(train.ema_halflife_images, max(state.images_seen, 1) * _EMA_RAMPUP)
    keep = 0.5 ** (train.batch / halflife)
    averaged: list[Tensor] = list(state.ema.parameters())
    torch._foreach_lerp_(averaged, list(state.generator.parameters()), 1 - keep)
    for old, new in zip(state.ema.buffers(), state.generator.buffers(), strict=True):
        old.copy_(new)


def _adam(network: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), lr=config.lr, betas=(config.beta1, config.beta2), fused=True)
