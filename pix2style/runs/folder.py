"""A run folder's layout.

    RUN/config.json                        the resolved configuration, and what wrote it
    RUN/metrics.jsonl                      one line of figures every few steps
    RUN/samples/step-0012000.png           the grid of held-out photos
    RUN/checkpoints/step-0012000/          generator(.ema), discriminator, trainer.pt, meta.json
    RUN/checkpoints/latest, best           the name of a checkpoint, one line of text
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pix2style.config import Config, parse_config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.files import read_json

RUN_VERSION = 1
GENERATOR_FILE = "generator.safetensors"
EMA_FILE = "generator.ema.safetensors"
DISCRIMINATOR_FILE = "discriminator.safetensors"
TRAINER_FILE = "trainer.pt"
META_FILE = "meta.json"
_STEP_NAME = re.compile(r"^step-\d{7,}$")


@dataclass(frozen=True, slots=True)
class CheckpointMeta:
    """What a checkpoint says of itself.

    Attributes:
        step: optimiser steps done.
        images_seen: training pictures seen.
        pairs_sha256: digest of the pair set's manifest.
        teacher: name of the stylizer that painted the targets.
        teacher_sha256: its digest.
        style_sha256: digests of the paintings.
        val_l1: mean absolute difference on held-out photos, in levels of 0..255; None before the first validation
            or without held-out photos.
        best_val_l1: the lowest of the checkpoints so far.
        wandb_id: of the Weights & Biases run, to go on with it.
    """

    step: int
    images_seen: int
    pairs_sha256: str
    teacher: str
    teacher_sha256: str
    style_sha256: tuple[str, ...]
    val_l1: float | None = None
    best_val_l1: float | None = None
    wandb_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the schema version."""
        return {"schema_version": RUN_VERSION, **asdict(self)}

    @classmethod
    def read(cls, path: Path) -> CheckpointMeta:
        """Read `meta.json`.

        Raises:
            ArtifactError: missing, damaged or of an unknown version.
        """
        value = _versioned(path)
        try:
            return cls(**{**value, "style_sha256": tuple(value["style_sha256"])})
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"{path}: is damaged ({error})") from error


class RunFolder:
    """A folder that `pix2style train` made.

    Args:
        path: the folder.

    Raises:
        ArtifactError: not a run folder, or of an unknown version.
    """

    def __init__(self, path: Path) -> None:
        if not (path / "config.json").is_file():
            raise ArtifactError(f"{path}: is not a run folder (it has no config.json): expected what train wrote")
        self.path = path
        value = _versioned(path / "config.json")
        try:
            self.config: Config = parse_config(value["config"], source=str(path / "config.json"))
        except (KeyError, ConfigError) as error:
            raise ArtifactError(f"{path / 'config.json'}: cannot be used: {error}") from error

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.config.name

    def checkpoint(self, which: str = "latest") -> Path:
        """The folder of a checkpoint.

        Args:
            which: `latest`, `best` or a name such as `step-0012000`. `best` is `latest` where nothing was validated.

        Raises:
            ArtifactError: there is none.
        """
        folder = self.path / "checkpoints"
        name = which
        if which in ("latest", "best"):
            pointer = folder / which
            if which == "best" and not pointer.is_file():
                pointer = folder / "latest"
            name = pointer.read_text().strip() if pointer.is_file() else ""
        if not _STEP_NAME.match(name) or not (folder / name / META_FILE).is_file():
            there = ", ".join(sorted(p.name for p in folder.glob("step-*"))) or "none"
            raise ArtifactError(f"{self.path}: has no checkpoint {which!r} (there are: {there})")
        return folder / name


def _versioned(path: Path) -> dict[str, Any]:
    value = read_json(path)
    version = value.pop("schema_version", None) if isinstance(value, dict) else None
    if version != RUN_VERSION:
        raise ArtifactError(
            f"{path}: has schema version {version}, this pix2style reads {RUN_VERSION}: update pix2style"
        )
    checked: dict[str, Any] = value
    return checked
