"""Read safetensors files, with error messages that name the file, and record which weights a network has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from pix2style.errors import ArtifactError


@dataclass(frozen=True, slots=True)
class WeightsRecord:
    """Which weights a network has, for reports.

    Attributes:
        name: Name of the weights, for people, and how they were converted.
        sha256: Digest of the file that they come from.
    """

    name: str
    sha256: str


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file to the CPU.

    Raises:
        ArtifactError: The file is missing, damaged or not a safetensors file.
    """
    return read_tensors_and_metadata(path)[0]


def read_tensors_and_metadata(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors of a safetensors file to the CPU, and its metadata.

    Raises:
        ArtifactError: The file is missing, damaged or not a safetensors file.
    """
    if not path.is_file():
        raise ArtifactError(f"{path}: this weights file does not exist: check losses.features.weights")
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ArtifactError(
            f"{path}: is damaged or not a safetensors file ({error}): download or create it again"
        ) from error


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + b"\0" + tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_tensors(tensors: Mapping[str, Tensor], sha256: str | None, path: Path, *, remedy: str) -> None:
    """Compare tensors with the digest that their file states.

    Args:
        tensors: All tensors of the file.
        sha256: Digest from the file's metadata; None for files of older versions, which state none.
        path: Path of the file, for the message.
        remedy: What to do if they differ.

    Raises:
        ArtifactError: They differ.
    """
    if sha256 is not None and tensors_digest(tensors) != sha256:
        raise ArtifactError(f"{path}: is damaged: its weights differ from the digest in its metadata: {remedy}")
