"""Checkpoints: everything that going on exactly needs, written whole or not at all, and known again when damaged.

Weights are safetensors; optimiser and random states are what `torch.load(weights_only=True)` accepts, so that no file
can run code.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from pix2style.config.train import TrainConfig
from pix2style.errors import ArtifactError, TrainingError
from pix2style.files import sha256_file, write_bytes, write_json
from pix2style.runs.folder import (
    DISCRIMINATOR_FILE,
    EMA_FILE,
    GENERATOR_FILE,
    META_FILE,
    TRAINER_FILE,
    CheckpointMeta,
    checkpoint_names,
)
from pix2style.runs.generator import load_weights
from pix2style.training.run.early_stop import BestBy
from pix2style.training.step.state import TrainingState

# What writing and reading raise: torch's and safetensors' writers have errors of their own for a full disk.
_WRITING = (OSError, RuntimeError, SafetensorError)
_READING = (OSError, RuntimeError, ValueError, KeyError, EOFError, TypeError, pickle.UnpicklingError)


@dataclasses.dataclass(frozen=True, slots=True)
class RandomStates:
    """Of all processes, by rank: each draws its own dropout."""

    cpu: list[Tensor]
    cuda: list[Tensor]


def random_states(state: TrainingState) -> RandomStates:
    """Collect them; every process has to call this."""
    cuda = state.world.all_gather(torch.cuda.get_rng_state()) if state.device.type == "cuda" else []
    return RandomStates(state.world.all_gather(torch.get_rng_state()), cuda)


def save_checkpoint(
    run: Path, state: TrainingState, meta: CheckpointMeta, random: RandomStates, train: TrainConfig
) -> Path:
    """Write `RUN/checkpoints/step-.../`, point `latest` at it, drop old ones, and point `best` at the best of them.

    Args:
        run: the run folder.
        state: what is saved.
        meta: what the checkpoint says of itself; digests of its files are added.
        random: of all processes.
        train: which ones to keep.

    Raises:
        TrainingError: it cannot be written (disk full); the ones before stay, and nothing half-written does.
    """
    folder = run / "checkpoints"
    name = f"step-{state.step:07d}"
    partial = folder / f".{name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(partial, state, meta, random)
        _replace(partial, folder / name)
        write_bytes(folder / "latest", f"{name}\n".encode())
    except _WRITING as error:
        free_bytes = shutil.disk_usage(run).free  # before the half-written one goes: torch's own words say little
        shutil.rmtree(partial, ignore_errors=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise TrainingError(
            f"{folder / name}: cannot be written ({reason}; {free_bytes / 1e6:.1f} MB were free): free space, then"
            " resume; the checkpoints before it are whole"
        ) from error
    prune(folder, train)
    return folder / name


def load_checkpoint(folder: Path, state: TrainingState, meta: CheckpointMeta) -> None:
    """Put a checkpoint's weights, optimiser states, counters and random states into `state`.

    With more processes than wrote it, the further ones keep the random states that they began with.

    Raises:
        ArtifactError: a file does not fit.
    """
    load_weights(state.generator, folder / GENERATOR_FILE)
    if state.ema is not state.generator:
        load_weights(state.ema, folder / EMA_FILE)
    if state.discriminator is not None:
        load_weights(state.discriminator, folder / DISCRIMINATOR_FILE)
    try:
        trainer = torch.load(folder / TRAINER_FILE, map_location="cpu", weights_only=True)
        _remember(state, trainer)
    except _READING as error:
        raise ArtifactError(f"{folder / TRAINER_FILE}: cannot be used to resume: {error}") from error
    state.step, state.images_seen = meta.step, meta.images_seen
    state.validation_metrics, state.best_metric = dict(meta.figures), meta.best


def prune(folder: Path, train: TrainConfig) -> None:
    """Keep the `keep_last` newest checkpoints and the `keep_best` best ones: they must not fill the disk.

    `best` then names the best of those that stay.
    """
    names = checkpoint_names(folder)
    ranked = _ranked(folder, names, train.best_by)
    spared = {*names[-train.keep_last :], *ranked[: train.keep_best]}
    best = next((name for name in ranked if name in spared), None)
    try:
        if best is not None:
            write_bytes(folder / "best", f"{best}\n".encode())
    except OSError:
        return  # a full disk: the old pointer still names one that is there
    for name in names:
        if name not in spared:
            shutil.rmtree(folder / name, ignore_errors=True)
    for damaged in folder.glob("step-*.damaged"):
        if (folder / damaged.stem).is_dir():
            shutil.rmtree(damaged, ignore_errors=True)


def _ranked(folder: Path, names: list[str], best_by: BestBy) -> list[str]:
    """Those that were measured, the best first; of equal ones the older."""
    figures: dict[str, float] = {}
    for name in names:
        try:
            meta = CheckpointMeta.read(folder / name / META_FILE)
        except ArtifactError:
            continue  # damaged: resuming finds out, if it comes to that
        if best_by in meta.figures:
            figures[name] = meta.figures[best_by]
    sign = 1 if best_by == "l1" else -1
    return sorted(figures, key=lambda name: sign * figures[name])


def _write(folder: Path, state: TrainingState, meta: CheckpointMeta, random: RandomStates) -> None:
    _save_weights(state.generator, folder / GENERATOR_FILE)
    if state.ema is not state.generator:
        _save_weights(state.ema, folder / EMA_FILE)
    if state.discriminator is not None:
        _save_weights(state.discriminator, folder / DISCRIMINATOR_FILE)
    torch.save(_trainer(state, random), folder / TRAINER_FILE)
    digests = {}
    for file in sorted(folder.iterdir()):
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
        digests[file.name] = sha256_file(file)
    write_json(folder / META_FILE, dataclasses.replace(meta, files_sha256=digests).to_json())


def _trainer(state: TrainingState, random: RandomStates) -> dict[str, Any]:
    parts = {
        "generator_optimizer": state.generator_optimizer,
        "discriminator_optimizer": state.discriminator_optimizer,
        "generator_scale": state.generator_scale,
        "discriminator_scale": state.discriminator_scale,
        "guard": state.nonfinite,
    }
    saved: dict[str, Any] = {name: part.state_dict() for name, part in parts.items() if part is not None}
    return {**saved, "objective": state.objective.resume_state(), "rng_cpu": random.cpu, "rng_cuda": random.cuda}


def _remember(state: TrainingState, trainer: dict[str, Any]) -> None:
    state.generator_optimizer.load_state_dict(trainer["generator_optimizer"])
    if state.discriminator_optimizer is not None:
        state.discriminator_optimizer.load_state_dict(trainer["discriminator_optimizer"])
    for name in ("generator_scale", "discriminator_scale"):
        scale = getattr(state, name)
        if scale is not None and name in trainer:
            scale.load_state_dict(trainer[name])
    state.nonfinite.load_state_dict(trainer["guard"])
    state.objective.load_resume_state(trainer["objective"])
    rank = state.world.rank
    if rank < len(trainer["rng_cpu"]):
        torch.set_rng_state(trainer["rng_cpu"][rank])
    if state.device.type == "cuda" and rank < len(trainer["rng_cuda"]):  # a run may move from the CPU to a GPU
        torch.cuda.set_rng_state(trainer["rng_cuda"][rank])


def _replace(partial: Path, folder: Path) -> None:
    """Give a whole checkpoint its name; one of the same step, from before a stop, makes room for it."""
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _save_weights(network: nn.Module, path: Path) -> None:
    save_file({name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}, path)
