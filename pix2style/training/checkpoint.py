"""Checkpoints: everything that going on exactly needs, written whole or not at all.

Weights are safetensors; optimiser and random states are what `torch.load(weights_only=True)` accepts, so that no file
can run code.
"""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from pix2style.errors import ArtifactError, TrainingError
from pix2style.files import write_bytes, write_json
from pix2style.runs.folder import (
    DISCRIMINATOR_FILE,
    EMA_FILE,
    GENERATOR_FILE,
    META_FILE,
    TRAINER_FILE,
    CheckpointMeta,
)
from pix2style.runs.generator import load_weights
from pix2style.training.state import TrainingState


def save_checkpoint(run: Path, state: TrainingState, meta: CheckpointMeta, *, keep: int) -> Path:
    """Write `RUN/checkpoints/step-.../`, then point `latest` (and `best`, if it is) at it, then drop old ones.

    Args:
        run: the run folder.
        state: what is saved.
        meta: what the checkpoint says of itself.
        keep: newest checkpoints to keep, besides the best.

    Raises:
        TrainingError: it cannot be written (disk full); the ones before stay.
    """
    folder = run / "checkpoints"
    name = f"step-{state.step:07d}"
    partial = folder / f".{name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(partial, state, meta)
        shutil.rmtree(folder / name, ignore_errors=True)  # an unfinished run's own, of the same step
        partial.rename(folder / name)
        _sync_folder(folder)
        write_bytes(folder / "latest", f"{name}\n".encode())
        if meta.val_l1 is not None and meta.val_l1 == meta.best_val_l1:
            write_bytes(folder / "best", f"{name}\n".encode())
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(
            f"{folder / name}: cannot be written ({error.strerror or error}): free space, then resume;"
            " the checkpoints before it are whole"
        ) from error
    _prune(folder, keep)
    return folder / name


def load_checkpoint(folder: Path, state: TrainingState) -> CheckpointMeta:
    """Put a checkpoint's weights, optimiser states, counters and random states into `state`.

    Raises:
        ArtifactError: a file is missing, damaged or does not fit.
    """
    meta = CheckpointMeta.read(folder / META_FILE)
    load_weights(state.generator, folder / GENERATOR_FILE)
    if state.ema is not state.generator:
        load_weights(state.ema, folder / EMA_FILE)
    if state.discriminator is not None:
        load_weights(state.discriminator, folder / DISCRIMINATOR_FILE)
    try:
        trainer = torch.load(folder / TRAINER_FILE, map_location=state.device, weights_only=True)
        state.generator_optimizer.load_state_dict(trainer["generator_optimizer"])
        if state.discriminator_optimizer is not None:
            state.discriminator_optimizer.load_state_dict(trainer["discriminator_optimizer"])
        torch.set_rng_state(trainer["rng_cpu"].cpu())
        if state.device.type == "cuda" and "rng_cuda" in trainer:  # a run may move from the CPU to a GPU
            torch.cuda.set_rng_state(trainer["rng_cuda"].cpu())
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise ArtifactError(f"{folder / TRAINER_FILE}: cannot be used to resume: {error}") from error
    state.step, state.images_seen = meta.step, meta.images_seen
    state.val_l1, state.best_val_l1 = meta.val_l1, meta.best_val_l1
    return meta


def _write(folder: Path, state: TrainingState, meta: CheckpointMeta) -> None:
    _save_weights(state.generator, folder / GENERATOR_FILE)
    if state.ema is not state.generator:
        _save_weights(state.ema, folder / EMA_FILE)
    trainer: dict[str, Any] = {
        "generator_optimizer": state.generator_optimizer.state_dict(),
        "rng_cpu": torch.get_rng_state(),
    }
    if state.discriminator is not None and state.discriminator_optimizer is not None:
        _save_weights(state.discriminator, folder / DISCRIMINATOR_FILE)
        trainer["discriminator_optimizer"] = state.discriminator_optimizer.state_dict()
    if state.device.type == "cuda":
        trainer["rng_cuda"] = torch.cuda.get_rng_state()
    torch.save(trainer, folder / TRAINER_FILE)
    write_json(folder / META_FILE, meta.to_json())
    for file in folder.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())


def _save_weights(network: nn.Module, path: Path) -> None:
    save_file({name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}, path)


def _prune(folder: Path, keep: int) -> None:
    """Checkpoints must not fill the disk: keep the newest ones and the best."""
    best = folder / "best"
    spared = {best.read_text().strip()} if best.is_file() else set()
    for old in sorted(folder.glob("step-*"))[:-keep]:
        if old.name not in spared:
            shutil.rmtree(old, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
