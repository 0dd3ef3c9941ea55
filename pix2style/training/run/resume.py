"""Where a run begins: at its newest whole checkpoint, at another run's weights, or at nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.nets.key_map import with_current_keys
from pix2style.nets.style_condition import ConditionalLayer
from pix2style.progress import print_note
from pix2style.runs.folder import (
    DISCRIMINATOR_FILE,
    EMA_FILE,
    GENERATOR_FILE,
    CheckpointMeta,
    RunFolder,
    checkpoint_names,
    verify_checkpoint,
)
from pix2style.training.step.state import TrainingState

_SHOWN = 3


@dataclasses.dataclass(frozen=True, slots=True)
class IntactCheckpoint:
    """The newest checkpoint of which nothing is damaged.

    Attributes:
        folder: where it is.
        meta: what it says of itself.
        damaged: names of newer ones that had to be passed over.
    """

    folder: Path
    meta: CheckpointMeta
    damaged: tuple[str, ...]


def find_newest_intact_checkpoint(run: Path) -> IntactCheckpoint | None:
    """Find the checkpoint to go on from; damaged ones are renamed, and notes say so.

    Returns:
        None if there is no checkpoint at all.

    Raises:
        ArtifactError: all of them are damaged; says what is wrong with the newest.
    """
    folder, passed_over = run / "checkpoints", list[str]()
    first: ArtifactError | None = None
    for name in reversed(checkpoint_names(folder)):
        try:
            meta = verify_checkpoint(folder / name)
        except ArtifactError as error:
            first = first or error
            passed_over.append(name)
            print_note(f"{error}: going back to the checkpoint before it")
            continue
        _set_aside(folder, passed_over)
        return IntactCheckpoint(folder / name, meta, tuple(passed_over))
    if first is not None:
        raise ArtifactError(f"{first} No checkpoint of {run} is whole: begin anew, in another --out") from first
    return None


def _set_aside(folder: Path, names: list[str]) -> None:
    for name in names:
        target = folder / f"{name}.damaged"
        if not target.exists():
            (folder / name).rename(target)


def load_pretrained_weights(state: TrainingState, path: Path) -> None:
    """Begin with another run's averaged weights, and with its discriminator where that has the same shape.

    Tables of styles begin anew where the other run has none, or as many as another number of styles: then every style
    begins as that network without its tables.

    Args:
        state: fresh; changed in place.
        path: a run folder.

    Raises:
        ArtifactError: it is none, its files are damaged, or its generator has other layers than this one.
    """
    source = RunFolder(path)
    folder = source.checkpoint("latest")
    verify_checkpoint(folder)
    file = folder / EMA_FILE if (folder / EMA_FILE).is_file() else folder / GENERATOR_FILE
    weights = _without_foreign_tables(with_current_keys(_read(file), state.generator.architecture), state.generator)
    wrong = _differences(weights, state.generator)
    if wrong:
        raise ArtifactError(
            f"[train -> start_from] {path}: its generator ({source.config.model.generator}) does not fit this one:"
            f" {'; '.join(wrong[:_SHOWN])}{'; ...' if len(wrong) > _SHOWN else ''}: set model as that run's config.json"
            " has it, or leave start_from out"
        )
    for network in (state.generator, state.ema):
        network.load_state_dict(weights, strict=False)  # what is missing are tables of styles
    _start_discriminator(state, folder / DISCRIMINATOR_FILE)


def _start_discriminator(state: TrainingState, file: Path) -> None:
    if state.discriminator is None:
        return
    weights = _read(file) if file.is_file() else {}
    if not weights or _differences(weights, state.discriminator):
        why = "has another shape there" if weights else "was not trained there"
        print_note(f"[train -> start_from] the discriminator begins anew: it {why}")
        return
    state.discriminator.load_state_dict(weights)


def _without_foreign_tables(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Weights by the names that they have here: a layer that styles change lies one level deeper than a plain one."""
    found = dict(weights)
    for name, module in network.named_modules():
        if not isinstance(module, ConditionalLayer):
            continue
        there = found.get(f"{name}.table")
        if there is not None and there.shape != module.table.shape:
            del found[f"{name}.table"]
        [(inner, _)] = list(module.named_children())
        if there is None:
            plain = {key: value for key, value in found.items() if key.startswith(f"{name}.")}
            for key, value in plain.items():
                del found[key]
                found[f"{name}.{inner}.{key.removeprefix(f'{name}.')}"] = value
    return found


def _differences(weights: Mapping[str, Tensor], network: nn.Module) -> list[str]:
    """What keeps the weights from being loaded; tables of styles may be missing."""
    here = network.state_dict()
    tables = {f"{name}.table" for name, module in network.named_modules() if isinstance(module, ConditionalLayer)}
    missing = [f"{name} is missing" for name in here if name not in weights and name not in tables]
    foreign = [f"{name} is not wanted" for name in weights if name not in here]
    shapes = [
        f"{name} is {list(weights[name].shape)}, wanted is {list(tensor.shape)}"
        for name, tensor in here.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    return shapes + missing + foreign


def _read(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{file}: cannot be read as safetensors: {error}") from error


def has_checkpoints(run: Path) -> bool:
    """Whether the run has a checkpoint, whole or not."""
    return bool(checkpoint_names(run / "checkpoints"))
