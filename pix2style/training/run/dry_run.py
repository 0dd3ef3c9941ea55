"""`train --dry-run`: everything that a run needs is checked and tried, and nothing is written."""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pix2style.config import Config, apply_overrides
from pix2style.errors import TrainingError
from pix2style.nets.generator import Generator
from pix2style.pairs.format.records import PairEntry
from pix2style.training.data.sampler import check_batch_divides
from pix2style.training.data.sources import TrainingData, open_training_data
from pix2style.training.distributed import World
from pix2style.training.run.memory import available_bytes, explain_out_of_memory, memory_saving_settings
from pix2style.training.run.prepare import check_run_folder
from pix2style.training.run.resume import load_pretrained_weights
from pix2style.training.run.throughput import measure_images_per_s
from pix2style.training.step.build import build_state
from pix2style.training.step.state import TrainingState
from pix2style.training.tracking import check_trackers, peak_memory_bytes

_TIMED_STEPS = 3


@dataclass(frozen=True, slots=True)
class NetworkSummary:
    """A network in numbers.

    Attributes:
        kind: its name in the configuration.
        parameters: weights.
        macs_per_picture: multiplications with addition of one forward pass over one training crop.
    """

    kind: str
    parameters: int
    macs_per_picture: int


_Networks = tuple[NetworkSummary, NetworkSummary | None, NetworkSummary | None, NetworkSummary | None]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do, and what it would take on this machine.

    Attributes:
        run: the folder that it would write.
        name: of the experiment.
        device: "cpu" or "cuda".
        generator, discriminator, features: the networks; None: not used.
        teacher: the trained run's that teaches (`distill`), likewise.
        styles: how many the generator learns.
        training_pairs, validation_pairs: entries of the material (photos times styles).
        photos_to_paint: pairs that `distill.photos` would add to those to train on.
        paired: whether there are targets.
        images, batch, accumulate, crop_px: of the section `train`.
        steps: optimiser steps.
        epochs: how often each training pair is seen.
        images_per_s: measured, on networks that are thrown away, the loader included; None: it was not measured.
        seconds: what learning would take at that rate (looks at held-out photos and checkpoints come on top).
        memory_bytes: the most that the trial took: on a GPU torch's, on the CPU the process's.
        decoded_bytes: all pictures as bytes, which are kept on the GPU or in a file where they fit.
        available_bytes: what there is; None where the system does not say.
    """

    run: Path
    name: str
    device: str
    generator: NetworkSummary
    discriminator: NetworkSummary | None
    features: NetworkSummary | None
    teacher: NetworkSummary | None
    styles: int
    training_pairs: int
    validation_pairs: int
    photos_to_paint: int
    paired: bool
    images: int
    batch: int
    accumulate: int
    crop_px: int
    steps: int
    epochs: float
    images_per_s: float | None
    seconds: float | None
    memory_bytes: int
    decoded_bytes: int
    available_bytes: int | None

    def to_json(self) -> dict[str, Any]:
        """Plain values; `parameters` are the generator's, the rest of each network stands in `networks`."""
        networks = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "features": self.features,
            "teacher": self.teacher,
        }
        kinds = {name: network and network.kind for name, network in networks.items()}
        numbers = {name: network and asdict(network) for name, network in networks.items()}
        values = {**asdict(self), "run": str(self.run), **kinds, "networks": numbers}
        return {"dry_run": True, "parameters": self.generator.parameters, **values}


def plan_run(config: Config, run: Path, *, resume: bool = False, measure: bool = True, to_paint: int = 0) -> RunPlan:
    """Check configuration, data, run folder, weights and trackers; try a few steps; count and estimate.

    Args:
        config: the experiment.
        run: the folder that it would write; it is only looked at.
        resume: whether the run would go on.
        measure: run the few steps at the real sizes.
        to_paint: photos that would be painted before, and learned besides.

    Raises:
        Pix2StyleError: whatever would stop the run at its beginning.
        TrainingError: there is not enough memory; names the settings to lower.
    """
    check_batch_divides(config.train, World.current())
    check_trackers(config.tracking)
    material = open_training_data(config)
    check_run_folder(run, config, resume=resume)
    with explain_out_of_memory(config):
        state = build_state(apply_overrides(config, ["train.compile=false"]))
        if config.train.start_from is not None and not resume:
            load_pretrained_weights(state, config.train.start_from)
        device, networks = state.device, _networks(config, state)
        del state
        rate = measure_images_per_s(config, steps=_TIMED_STEPS) if measure else None
    plan = _plan(config, run, material, device, networks=networks, rate=rate, to_paint=to_paint)
    _check_memory(config, plan)
    return plan


def _plan(
    config: Config,
    run: Path,
    material: TrainingData,
    device: torch.device,
    *,
    networks: _Networks,
    rate: float | None,
    to_paint: int,
) -> RunPlan:
    train = config.train
    generator, discriminator, features, teacher = networks
    return RunPlan(
        run=run,
        name=config.name,
        device=device.type,
        generator=generator,
        discriminator=discriminator,
        features=features,
        teacher=teacher,
        styles=config.model.styles,
        training_pairs=len(material.entries),
        validation_pairs=len(material.held_out),
        photos_to_paint=to_paint,
        paired=material.paired,
        images=train.images,
        batch=train.batch,
        accumulate=train.accumulate,
        crop_px=train.augment.crop,
        steps=math.ceil(train.images / train.batch),
        epochs=train.images / (len(material.entries) + to_paint),
        images_per_s=rate,
        seconds=None if rate is None else train.images / rate,
        memory_bytes=peak_memory_bytes(device),
        decoded_bytes=_decoded_bytes(material, train.augment.resize),
        available_bytes=available_bytes(device),
    )


def _networks(config: Config, state: TrainingState) -> _Networks:
    """Generator, discriminator, feature network and the trained run's generator."""
    model, losses, side = config.model, config.losses, config.train.augment.crop
    photo = torch.zeros(1, 3, side, side, device="meta")
    discriminator, features = state.discriminator, state.objective.feature_network
    teacher = None if state.objective.distiller is None else state.objective.distiller.teacher
    return (
        _count(model.generator, state.generator, photo),
        None if discriminator is None else _count(model.discriminator.kind, discriminator, photo, photo),
        None if features is None else _count(losses.features.network, features, photo),
        None if teacher is None else _count(teacher.architecture, teacher, photo),
    )


def _count(kind: str, network: nn.Module, *inputs: Tensor) -> NetworkSummary:
    """Count on tensors without content: no memory, no time."""
    parameters = sum(weight.numel() for weight in network.parameters())
    twin = copy.deepcopy(network).to("meta")
    given: dict[str, Tensor] = {}
    if isinstance(twin, Generator) and twin.styles > 1:
        given["style"] = torch.zeros(1, twin.styles, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        twin(*inputs, **given)
    return NetworkSummary(kind, parameters, counter.get_total_flops() // 2)


def _decoded_bytes(material: TrainingData, resize: int | None) -> int:
    """A picture that has several targets lies there once."""
    pixels = [resize**2 if resize else entry.height_px * entry.width_px for entry in material.entries]
    contents = {
        entry.content.sha256 if isinstance(entry, PairEntry) else entry.sha256: size
        for entry, size in zip(material.entries, pixels, strict=True)
    }
    return 3 * (sum(contents.values()) + (sum(pixels) if material.paired else 0))


def _check_memory(config: Config, plan: RunPlan) -> None:
    needed = plan.memory_bytes
    if plan.available_bytes is not None and needed > plan.available_bytes:
        raise TrainingError(
            f"a step takes {needed / 1e9:.1f} GB of memory, but there are {plan.available_bytes / 1e9:.1f} GB:"
            f" lower, in this order, {', '.join(memory_saving_settings(config))}"
        )
