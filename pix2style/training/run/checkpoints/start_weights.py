"""Put the weights that a new run starts from (`model.start_from`) into its training state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pix2style.config import Config
from pix2style.nets.base import base_description, load_base
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.progress import print_note
from pix2style.runs.networks import build_generator
from pix2style.teachers.magenta.style_vector import painting_vector
from pix2style.teachers.style import style_blends
from pix2style.training.data.sources import TrainingData
from pix2style.training.run.checkpoints.pretrained import load_pretrained_weights, load_weights
from pix2style.training.step.state import TrainingState

BASE = "base"
START_FILE = "start.json"
"""File in the run folder that says which weights the run started from."""


def load_start_weights(state: TrainingState, config: Config, data: TrainingData) -> dict[str, Any]:
    """Load the weights that `model.start_from` names into the generator and its average.

    Args:
        state: Training state with fresh networks; changed in place.
        config: Configuration of the experiment.
        data: Training data, whose teacher decides the base's style vector.

    Returns:
        What the run starts from, as JSON values; empty for random weights.

    Raises:
        ArtifactError: The weights cannot be read, or those of a run do not fit this generator.
    """
    source = config.model.start_from
    if source is None:
        return {}
    if source != BASE:
        load_pretrained_weights(state, Path(source))
        return {"start_from": source}
    return _load_base_weights(state, config, data)


def start_generator(config: Config, data: TrainingData) -> Generator:
    """Build the generator as it is before training, for a run that starts from base or from random weights.

    Args:
        config: Configuration of the experiment.
        data: Training data, whose teacher decides the base's style vector.

    Raises:
        ArtifactError: The base weights cannot be read.
    """
    torch.manual_seed(config.seed)
    generator = build_generator(config.model)
    if config.model.start_from == BASE:
        lite, _ = _base_for_style(generator, config, data)
        generator = lite or generator
    return generator


def _load_base_weights(state: TrainingState, config: Config, data: TrainingData) -> dict[str, Any]:
    lite, style = _base_for_style(state.generator, config, data)
    if lite is None:
        return {}
    load_weights(state, lite.state_dict())
    return {"start_from": BASE, "base_sha256": base_description()["sha256"], "style": style}


def _base_for_style(network: Generator, config: Config, data: TrainingData) -> tuple[Lite | None, str]:
    """Return the base in the style that is learned, and how its style was chosen; None if it does not fit."""
    base = load_base()
    if not isinstance(network, Lite) or _sizes(network) != _sizes(base):
        print_note(
            "[model -> start_from] base: the base is a lightweight generator of"
            f" {base.channels} channels, {len(base.body)} blocks, scale {base.scale} and norm {base.norm}; this one has"
            " another kind or size and starts from random weights"
        )
        return None, ""
    vector = _style_vector(config, data)
    return base.for_style(vector), "the mean of all styles" if vector is None else "the painting's vector"


def _sizes(network: Lite) -> tuple[int, int, int, str]:
    return network.channels, len(network.body), network.scale, network.norm


def _style_vector(config: Config, data: TrainingData) -> Tensor | None:
    """Return the vector of the painting that is learned; None if there is none, or no network that computes it."""
    blends = style_blends(config.pairs)
    if len(blends) != 1 or len(data.teachers) != 1:
        return None
    vector = painting_vector(blends[0], teacher_sha256=data.teachers[0].sha256)
    return None if vector is None else torch.from_numpy(vector)
