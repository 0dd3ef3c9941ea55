"""Initialise a new run with the weights of another run (`model.start_from`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.nets.key_map import with_current_keys
from pix2style.nets.style_condition import ConditionalLayer
from pix2style.progress import print_note
from pix2style.runs.folder import DISCRIMINATOR_FILE, RunFolder, verify_checkpoint
from pix2style.runs.generator import averaged_weights_file, read_weights
from pix2style.training.step.state import TrainingState

_SHOWN_MISMATCHES = 3


def load_pretrained_weights(state: TrainingState, path: Path) -> None:
    """Load the averaged weights of another run's newest checkpoint, and its discriminator if it has the same shape.

    Style tables (see `nets.style_condition`) are not loaded if the other run has none or has another number of styles.
    They then stay at zero, so that every style begins as the other network without its tables.

    Args:
        state: Training state with fresh networks; changed in place.
        path: Folder of the other run.

    Raises:
        ArtifactError: It is no run folder, its files are damaged, or its generator has other layers than this one.
    """
    source = RunFolder(path)
    folder = source.checkpoint("latest")
    meta = verify_checkpoint(folder)
    file = averaged_weights_file(source, folder, meta)
    weights = with_current_keys(read_weights(file), state.generator.architecture)
    mismatches = load_weights(state, weights)
    if mismatches:
        shown = "; ".join(mismatches[:_SHOWN_MISMATCHES])
        raise ArtifactError(
            f"[model -> start_from] {path}: its generator ({source.config.model.generator}) does not fit this one:"
            f" {shown}{'; ...' if len(mismatches) > _SHOWN_MISMATCHES else ''}: set model as in that run's config.json,"
            " or leave start_from out"
        )
    _load_discriminator(state, folder / DISCRIMINATOR_FILE)


def load_weights(state: TrainingState, weights: Mapping[str, Tensor]) -> list[str]:
    """Load weights into the generator and its average, unless they do not fit.

    Args:
        state: Training state; changed in place.
        weights: State dict of a generator, without its style tables or with them.

    Returns:
        Why the weights do not fit; empty if they were loaded.
    """
    adapted = _adapt_style_tables(weights, state.generator)
    mismatches = _mismatches(adapted, state.generator)
    if not mismatches:
        for network in (state.generator, state.ema):
            network.load_state_dict(adapted, strict=False)  # only style tables can be missing
    return mismatches


def _load_discriminator(state: TrainingState, file: Path) -> None:
    if state.discriminator is None:
        return
    weights = read_weights(file) if file.is_file() else {}
    if not weights or _mismatches(weights, state.discriminator):
        reason = "the other run's has another shape" if weights else "the other run has none"
        print_note(f"[model -> start_from] the discriminator starts with fresh weights: {reason}")
        return
    state.discriminator.load_state_dict(weights)


def _adapt_style_tables(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Return the weights under the keys that `network` has, without style tables of another shape.

    A conditional layer holds the plain layer as a submodule: where the other run has the plain layer `a` with the key
    `a.weight`, this network has `a.layer.weight`.
    """
    adapted = dict(weights)
    for name, module in network.named_modules():
        if not isinstance(module, ConditionalLayer):
            continue
        table = adapted.get(f"{name}.table")
        if table is not None and table.shape != module.table.shape:
            del adapted[f"{name}.table"]
        if table is None:
            [(submodule, _)] = list(module.named_children())
            plain = {key: value for key, value in adapted.items() if key.startswith(f"{name}.")}
            for key, value in plain.items():
                del adapted[key]
                adapted[f"{name}.{submodule}.{key.removeprefix(f'{name}.')}"] = value
    return adapted


def _mismatches(weights: Mapping[str, Tensor], network: nn.Module) -> list[str]:
    """Describe why the weights cannot be loaded into the network; missing style tables are no reason."""
    expected = network.state_dict()
    tables = {f"{name}.table" for name, module in network.named_modules() if isinstance(module, ConditionalLayer)}
    missing = [f"{name} is missing" for name in expected if name not in weights and name not in tables]
    unexpected = [f"{name} is not in this network" for name in weights if name not in expected]
    shapes = [
        f"{name} is {list(weights[name].shape)}, but has to be {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    return shapes + missing + unexpected
