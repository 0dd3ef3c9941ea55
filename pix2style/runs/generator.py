"""Load the generator of a run folder. Its weights are compared with their digest before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from pix2style.errors import ArtifactError
from pix2style.files import sha256_bytes
from pix2style.nets.generator import Generator
from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, META_FILE, CheckpointMeta, RunFolder
from pix2style.runs.networks import build_generator

_REMEDY = "copy the checkpoint again, or take another one"


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
    meta = CheckpointMeta.read(folder / META_FILE)
    file = averaged_weights_file(run, folder, meta) if weights == "ema" else folder / GENERATOR_FILE
    with torch.random.fork_rng(devices=[]):  # the fresh weights, which are overwritten, change no random state
        generator = build_generator(run.config.model)
    load_weights(generator, file, sha256=meta.files_sha256.get(file.name))
    return generator.eval(), meta


def averaged_weights_file(run: RunFolder, folder: Path, meta: CheckpointMeta) -> Path:
    """Return the file of a checkpoint's averaged weights, or of its raw weights if the run averages none.

    Args:
        run: The run folder.
        folder: Folder of the checkpoint.
        meta: Description of the checkpoint.

    Raises:
        ArtifactError: The run averages its weights, but the file is missing.
    """
    averaged = folder / EMA_FILE
    if averaged.is_file():
        return averaged
    # A checkpoint without digests does not say which files it had, but the configuration says whether it averaged.
    was_written = EMA_FILE in meta.files_sha256 if meta.files_sha256 else run.config.train.ema_halflife_images > 0
    if was_written:
        raise ArtifactError(
            f"{averaged}: the averaged weights of this checkpoint are missing: {_REMEDY} (pix2style export --weights"
            " raw takes the weights of the last step, which are worse)"
        )
    return folder / GENERATOR_FILE


def load_weights(network: torch.nn.Module, file: Path, *, sha256: str | None = None) -> None:
    """Load a safetensors file into a network of the same shape.

    Args:
        network: Network whose weights are replaced.
        file: The safetensors file.
        sha256: Digest that the file must have; None if none is known.

    Raises:
        ArtifactError: The file is missing or damaged, or the shapes differ.
    """
    tensors = read_weights(file, sha256=sha256)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ArtifactError(f"{file}: does not fit the run's configuration: {error}") from error


def read_weights(file: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """Read a safetensors file of a checkpoint; arguments and errors as in `load_weights`."""
    try:
        data = file.read_bytes()  # the digest is that of the very bytes that are used
        if sha256 is not None and sha256_bytes(data) != sha256:
            raise ArtifactError(f"{file}: is damaged: its digest differs from the one in {META_FILE}: {_REMEDY}")
        return load(data)
    except OSError as error:
        raise ArtifactError(f"{file}: cannot be read ({error.strerror or error}): {_REMEDY}") from error
    except SafetensorError as error:
        raise ArtifactError(f"{file}: cannot be read as safetensors: {error}") from error
