"""Result of `train --dry-run`: what a run would do, and what it would need."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class NetworkSummary:
    """Size and cost of a network.

    Attributes:
        kind: Name of the network in the configuration.
        parameters: Number of weights.
        macs_per_picture: Multiply-accumulate operations of one forward pass on one picture of `RunPlan.picture_px`.
    """

    kind: str
    parameters: int
    macs_per_picture: int


@dataclass(frozen=True, slots=True)
class NetworkSummaries:
    """The networks of a run.

    Attributes:
        generator: The generator.
        discriminator: The discriminator; None without adversarial loss.
        features: The feature network; None without losses that need it.
        teacher: The generator that is distilled from; None without distillation.
    """

    generator: NetworkSummary
    discriminator: NetworkSummary | None
    features: NetworkSummary | None
    teacher: NetworkSummary | None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do, and what it would need on this machine.

    Attributes:
        run: Run folder that it would write.
        name: Name of the experiment.
        device: "cpu" or "cuda".
        generator: The generator.
        discriminator: The discriminator; None without adversarial loss.
        features: The feature network; None without losses that need it.
        teacher: The generator of the trained run that is distilled from; None without distillation.
        styles: Number of styles that the generator learns.
        training_pairs, validation_pairs: Number of pairs (photos times styles); of photos in unpaired training.
        photos_to_paint: Number of additional pairs that `distill.photos` would give.
        paired: Whether there are targets.
        images: Number of training images: `train.images`, or fewer if `train.minutes` allows fewer at the measured
            speed; None if only the time is limited and the speed was not measured.
        minutes: Limit of the training time; None without a limit.
        batch, accumulate: Settings of the section `train`.
        crop_px: Side of the training crops; None: whole pairs.
        picture_px: Side of the square pictures that `macs_per_picture` counts: the crops', or `pairs.size`.
        steps: Number of optimiser steps; None if `images` is None.
        epochs: How often each training pair is used; None if `images` is None.
        images_per_s: Measured training speed, loading included; None if it was not measured.
        seconds: Time that the training steps would take at that speed; validations and checkpoints are not included.
        memory_bytes: Peak memory in the trial: torch's on a GPU, the process's on the CPU.
        decoded_bytes: Size of all decoded pairs, which are cached on the GPU or in a file if they fit.
        available_bytes: Memory that is available; None if the system does not say.
        notes: Sentences about settings that have no effect.
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
    images: int | None
    minutes: float | None
    batch: int
    accumulate: int
    crop_px: int | None
    picture_px: int
    steps: int | None
    epochs: float | None
    images_per_s: float | None
    seconds: float | None
    memory_bytes: int
    decoded_bytes: int
    available_bytes: int | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON values: names of networks at the top level, their sizes under `networks`."""
        networks = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "features": self.features,
            "teacher": self.teacher,
        }
        kinds = {name: network and network.kind for name, network in networks.items()}
        sizes = {name: network and asdict(network) for name, network in networks.items()}
        values = {**asdict(self), "run": str(self.run), **kinds, "networks": sizes}
        return {"dry_run": True, "parameters": self.generator.parameters, **values}
