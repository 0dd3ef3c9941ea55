"""A run folder's layout.

RUN/config.json                        the resolved configuration, and what wrote it
RUN/metrics.jsonl                      one line of figures every few steps
RUN/samples/step-0012000.png           the grid of held-out photos
RUN/checkpoints/step-0012000/          generator(.ema), discriminator, trainer.pt, meta.json
RUN/checkpoints/step-0011000.damaged/  one that a resumed run found damaged, until it is written anew
RUN/checkpoints/latest, best           the name of a checkpoint, one line of text
RUN/budget.json                        sizes that were considered, if `distill.budget` chose the network's
RUN/painted/                           a pair set, if the run learns `distill.photos`; maybe there before the run is
RUN/not-finite-step-0012000.json       why training stopped, if losses or gradients were no numbers
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pix2style.config import Config, parse_config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.files import read_json, sha256_file, sha256_json

RUN_VERSION = 1
GENERATOR_FILE = "generator.safetensors"
EMA_FILE = "generator.ema.safetensors"
DISCRIMINATOR_FILE = "discriminator.safetensors"
TRAINER_FILE = "trainer.pt"
META_FILE = "meta.json"
PAINTED_FOLDER = "painted"
_STEP_NAME = re.compile(r"^step-\d{7,}$")


@dataclass(frozen=True, slots=True)
class StyleRecord:
    """Where one of a run's styles comes from.

    Attributes:
        name: of the stylizer that painted it.
        teacher_sha256: its digest.
        style_sha256: digests of its paintings.
    """

    name: str
    teacher_sha256: str
    style_sha256: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> StyleRecord:
        """From plain values.

        Raises:
            KeyError, TypeError: they are not such a style.
        """
        return cls(**{**value, "style_sha256": tuple(value["style_sha256"])})


@dataclass(frozen=True, slots=True)
class CheckpointMeta:
    """What a checkpoint says of itself.

    Attributes:
        step: optimiser steps done.
        images_seen: training pictures seen.
        pairs_sha256: digest of the pair set's manifest.
        teacher: name of the stylizer that painted the targets; of several styles, all names.
        teacher_sha256: its digest; of several styles, one digest of all.
        style_sha256: digests of the paintings.
        styles: of a network that holds several styles, each one, by its id.
        figures: what held-out photos gave at this step: `l1` (mean absolute difference in levels of 0..255), `psnr`
            (dB) and `ssim`; empty where nothing was looked at.
        best: the best figure so far, of those that `train.best_by` names.
        wandb_id: of the Weights & Biases run, to go on with it.
        files_sha256: digests of the checkpoint's other files, by their names.
    """

    step: int
    images_seen: int
    pairs_sha256: str
    teacher: str
    teacher_sha256: str
    style_sha256: tuple[str, ...]
    styles: tuple[StyleRecord, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    wandb_id: str | None = None
    files_sha256: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the schema version, and a digest of all that."""
        value = {"schema_version": RUN_VERSION, **asdict(self)}
        return {**value, "sha256": sha256_json(value)}

    @classmethod
    def read(cls, path: Path) -> CheckpointMeta:
        """Read `meta.json`.

        Raises:
            ArtifactError: missing, damaged or of an unknown version.
        """
        value = _versioned(path)
        if value.pop("sha256", None) != sha256_json({"schema_version": RUN_VERSION, **value}):
            raise ArtifactError(f"{path}: is damaged: its digest is another one")
        try:
            styles = tuple(StyleRecord.from_json(style) for style in value["styles"])
            return cls(**{**value, "style_sha256": tuple(value["style_sha256"]), "styles": styles})
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"{path}: is damaged ({error})") from error


def verify_checkpoint(folder: Path) -> CheckpointMeta:
    """Read a checkpoint's `meta.json`, and compare all files with the digests that it names.

    Raises:
        ArtifactError: a file is missing or damaged; names it.
    """
    meta = CheckpointMeta.read(folder / META_FILE)
    for name, digest in meta.files_sha256.items():
        try:
            same = sha256_file(folder / name) == digest
        except OSError as error:
            raise ArtifactError(f"{folder / name}: cannot be read: {error.strerror or error}") from error
        if not same:
            raise ArtifactError(f"{folder / name}: is damaged: its digest is another one than when it was written")
    return meta


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

    @property
    def checkpoints(self) -> list[str]:
        """Names of its checkpoints, the oldest first."""
        return checkpoint_names(self.path / "checkpoints")

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
            there = ", ".join(self.checkpoints) or "none"
            raise ArtifactError(f"{self.path}: has no checkpoint {which!r} (there are: {there})")
        return folder / name


def checkpoint_names(folder: Path) -> list[str]:
    """The checkpoints in a folder `checkpoints`, by their names, the oldest first."""
    return sorted((p.name for p in folder.glob("step-*") if _STEP_NAME.match(p.name)), key=_step)


def _step(name: str) -> int:
    return int(name.removeprefix("step-"))


def _versioned(path: Path) -> dict[str, Any]:
    value = read_json(path)
    version = value.pop("schema_version", None) if isinstance(value, dict) else None
    if version != RUN_VERSION:
        raise ArtifactError(
            f"{path}: has schema version {version}, this pix2style reads {RUN_VERSION}: update pix2style"
        )
    checked: dict[str, Any] = value
    return checked
