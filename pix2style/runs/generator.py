"""Load the generator of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pix2style.errors import ArtifactError
from pix2style.nets.generator import Generator
from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, META_FILE, CheckpointMeta, RunFolder
from pix2style.runs.networks import build_generator


def load_generator(
    run: RunFolder, *, checkpoint: str = "latest", weights: Literal["ema", "raw"] = "ema"
) -> tuple[Generator, CheckpointMeta]:
    """Load a trained generator, on the CPU and in evaluation mode.

    Args:
        run: The run folder.
        checkpoint: `latest`, `best`, or the name of a checkpoint.
        weights: "ema" for the averaged weights (the raw ones if the run averages none), "raw" for the trained ones.

    Returns:
        The generator, and the description of its checkpoint.

    Raises:
        ArtifactError: A file is missing or damaged, or does not fit the run's configuration.
    """
    folder = run.checkpoint(checkpoint)
    file = folder / (EMA_FILE if weights == "ema" else GENERATOR_FILE)
    if not file.is_file():
        file = folder / GENERATOR_FILE
    with torch.random.fork_rng(devices=[]):  # the fresh weights, which are overwritten, change no random state
        generator = build_generator(run.config.model)
    load_weights(generator, file)
    return generator.eval(), CheckpointMeta.read(folder / META_FILE)


def load_weights(network: torch.nn.Module, file: Path) -> None:
    """Load a safetensors file into a network of the same shape.

    Raises:
        ArtifactError: The file is missing or damaged, or the shapes differ.
    """
    try:
        network.load_state_dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{file}: cannot be read as safetensors: {error}") from error
    except RuntimeError as error:
        raise ArtifactError(f"{file}: does not fit the run's configuration: {error}") from error
