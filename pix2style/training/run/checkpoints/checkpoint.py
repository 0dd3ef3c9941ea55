"""Write and load checkpoints: everything that is needed to resume a run exactly.

Weights are stored as safetensors. Optimiser and random states are stored in the format that
`torch.load(weights_only=True)` accepts. Neither format can run code when it is loaded.
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
from safetensors.torch import save
from torch import Tensor, nn

from pix2style.config.train import TrainConfig
from pix2style.errors import ArtifactError, TrainingError
from pix2style.files import sha256_file, write_bytes, write_json
from pix2style.folders import while_in_use
from pix2style.runs.folder import (
    DISCRIMINATOR_FILE,
    EMA_FILE,
    GENERATOR_FILE,
    META_FILE,
    TRAINER_FILE,
    CheckpointMeta,
)
from pix2style.runs.generator import load_weights
from pix2style.system.disk import sync_folder
from pix2style.training.run.checkpoints.retention import remove_old_checkpoints
from pix2style.training.step.state import TrainingState

# On a full disk torch.save raises RuntimeError and safetensors raises SafetensorError instead of OSError.
_WRITE_ERRORS = (OSError, RuntimeError, SafetensorError)
# What torch.load and the load_state_dict methods raise for a file that is not what it should be.
_READ_ERRORS = (OSError, RuntimeError, ValueError, KeyError, EOFError, TypeError, pickle.UnpicklingError)


@dataclasses.dataclass(frozen=True, slots=True)
class RandomStates:
    """Random states of torch in all processes; each process draws its own dropout.

    Attributes:
        cpu: States of the CPU generators, by rank.
        cuda: States of the GPU generators, by rank; empty if training runs on the CPU.
    """

    cpu: list[Tensor]
    cuda: list[Tensor]


def gather_random_states(state: TrainingState) -> RandomStates:
    """Collect the random states of all processes; all processes have to call this at the same step."""
    cuda = state.world.all_gather(torch.cuda.get_rng_state()) if state.device.type == "cuda" else []
    return RandomStates(state.world.all_gather(torch.get_rng_state()), cuda)


def save_checkpoint(
    run: Path, state: TrainingState, meta: CheckpointMeta, random_states: RandomStates, train: TrainConfig
) -> Path:
    """Write `RUN/checkpoints/step-.../`, let `latest` and `best` name the right checkpoints, and remove old ones.

    The folder is written under a temporary name and renamed when it is complete, so that a crash at any moment leaves
    no incomplete checkpoint. `latest` is written after that: it never names a checkpoint that does not exist.

    Args:
        run: Run folder.
        state: Training state to save.
        meta: Description of the checkpoint; the digests of its files are added.
        random_states: Random states of all processes.
        train: Section `train`, which says how many checkpoints to keep.

    Returns:
        Folder of the checkpoint.

    Raises:
        TrainingError: The checkpoint cannot be written, for example because the disk is full. Older checkpoints stay,
            and nothing incomplete is left behind.
    """
    folder = run / "checkpoints"
    name = f"step-{state.step:07d}"
    partial = folder / f".{name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed
        partial.mkdir(parents=True)
        _write_files(partial, state, meta, random_states)
        _rename_synced(partial, folder / name)
        write_bytes(folder / "latest", f"{name}\n".encode())
    except _WRITE_ERRORS as error:
        # Measured before the incomplete checkpoint is removed. torch's own message does not say that the disk is full.
        free_bytes = shutil.disk_usage(run).free
        shutil.rmtree(partial, ignore_errors=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise TrainingError(
            f"{folder / name}: cannot be written ({reason}; {free_bytes / 1e6:.1f} MB were free): free space, then"
            " resume; older checkpoints are complete"
        ) from error
    remove_old_checkpoints(folder, train)
    return folder / name


def load_checkpoint(folder: Path, state: TrainingState, meta: CheckpointMeta) -> None:
    """Load weights, optimiser states, counters and random states from a checkpoint into `state`.

    If there are more processes than when it was written, the additional ones keep their initial random states.

    Args:
        folder: Folder of the checkpoint.
        state: Training state with networks of the same shape; changed in place.
        meta: Description of the checkpoint, as read from its folder.

    Raises:
        ArtifactError: A file cannot be read or does not fit the networks.
    """
    load_weights(state.generator, folder / GENERATOR_FILE)
    if state.ema is not state.generator:
        load_weights(state.ema, folder / EMA_FILE)
    if state.discriminator is not None:
        load_weights(state.discriminator, folder / DISCRIMINATOR_FILE)
    try:
        trainer = torch.load(folder / TRAINER_FILE, map_location="cpu", weights_only=True)
        _load_trainer_state(state, trainer)
    except _READ_ERRORS as error:
        raise ArtifactError(f"{folder / TRAINER_FILE}: cannot be used to resume: {error}") from error
    state.step, state.images_seen = meta.step, meta.images_seen
    state.elapsed_s, state.share_reached = meta.elapsed_s, meta.share_reached
    state.validation_s, state.checkpoint_s = meta.validation_s, meta.checkpoint_s
    state.validation_metrics, state.best_metric = dict(meta.figures), meta.best


def _write_files(folder: Path, state: TrainingState, meta: CheckpointMeta, random_states: RandomStates) -> None:
    _save_weights(state.generator, folder / GENERATOR_FILE)
    if state.ema is not state.generator:
        _save_weights(state.ema, folder / EMA_FILE)
    if state.discriminator is not None:
        _save_weights(state.discriminator, folder / DISCRIMINATOR_FILE)
    torch.save(_trainer_state(state, random_states), folder / TRAINER_FILE)
    digests = {}
    for file in sorted(folder.iterdir()):
        with file.open("r+b") as stream:
            os.fsync(stream.fileno())  # the data must be on the disk before the folder gets its final name
        digests[file.name] = sha256_file(file)
    write_json(folder / META_FILE, dataclasses.replace(meta, files_sha256=digests).to_json())


def _trainer_state(state: TrainingState, random_states: RandomStates) -> dict[str, Any]:
    parts = {
        "generator_optimizer": state.generator_optimizer,
        "discriminator_optimizer": state.discriminator_optimizer,
        "generator_scale": state.generator_scale,
        "discriminator_scale": state.discriminator_scale,
        "guard": state.nonfinite,
    }
    states: dict[str, Any] = {name: part.state_dict() for name, part in parts.items() if part is not None}
    random = {"rng_cpu": random_states.cpu, "rng_cuda": random_states.cuda}
    return {**states, "objective": state.objective.resume_state(), **random}


def _load_trainer_state(state: TrainingState, trainer: dict[str, Any]) -> None:
    state.generator_optimizer.load_state_dict(trainer["generator_optimizer"])
    if state.discriminator_optimizer is not None:
        state.discriminator_optimizer.load_state_dict(trainer["discriminator_optimizer"])
    for name in ("generator_scale", "discriminator_scale"):
        scale = getattr(state, name)
        if scale is not None and name in trainer:  # a run may resume on another device, and thus in another precision
            scale.load_state_dict(trainer[name])
    state.nonfinite.load_state_dict(trainer["guard"])
    state.objective.load_resume_state(trainer["objective"])
    rank = state.world.rank
    if rank < len(trainer["rng_cpu"]):
        torch.set_rng_state(trainer["rng_cpu"][rank])
    if state.device.type == "cuda" and rank < len(trainer["rng_cuda"]):  # empty if the run began on the CPU
        torch.cuda.set_rng_state(trainer["rng_cuda"][rank])


def _rename_synced(partial: Path, folder: Path) -> None:
    # There is a checkpoint of this step if the run was resumed from an older one. rename() would not replace it.
    earlier = folder.with_name(f".{folder.name}.earlier.partial")
    shutil.rmtree(earlier, ignore_errors=True)
    is_replaced = folder.exists()
    if is_replaced:
        while_in_use(lambda: folder.rename(earlier))
    try:
        while_in_use(lambda: partial.rename(folder))
    except OSError:
        if is_replaced:
            while_in_use(lambda: earlier.rename(folder))
        raise
    sync_folder(folder.parent)  # a rename survives a power failure only once the parent folder is synced
    shutil.rmtree(earlier, ignore_errors=True)


def _save_weights(network: nn.Module, path: Path) -> None:
    # Not `save_file`, which writes files that only their owner may read (safetensors 0.7).
    path.write_bytes(save({name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}))
