"""Layout of a run folder, and how to read it.

RUN/config.json                        configuration with all defaults filled in, and the version that wrote it
RUN/features.json                      name and digest of the weights of the feature network, if a loss needs one
RUN/metrics.jsonl                      metrics, one JSON object per line
RUN/preview.png, preview.html          a few photos as the newest weights stylize them, if `train.preview` is true
RUN/samples/step-0012000.png           validation grid
RUN/checkpoints/step-0012000/          generator, averaged generator (.ema), discriminator, trainer.pt, meta.json
RUN/checkpoints/step-0011000.damaged/  checkpoint that a resumed run found damaged, until it is written again
RUN/checkpoints/latest, best           name of a checkpoint, one line of text
RUN/budget.json                        network sizes that `distill.budget` considered, if it chose the size
RUN/painted/                           pair set of `distill.photos`; it is written before the run begins
RUN/not-finite-step-0012000.json       values of a step whose loss or gradient was not finite, if that ended training
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
FEATURES_FILE = "features.json"
PAINTED_FOLDER = "painted"
PREVIEW_FILE = "preview.png"
_STEP_NAME = re.compile(r"^step-\d{7,}$")


@dataclass(frozen=True, slots=True)
class StyleRecord:
    """Origin of one of a run's styles.

    Attributes:
        name: Name of the stylizer that made the targets.
        teacher_sha256: Digest of that stylizer.
        style_sha256: Digests of the paintings that define the style.
    """

    name: str
    teacher_sha256: str
    style_sha256: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> StyleRecord:
        """Make a record from JSON values.

        Raises:
            KeyError, TypeError: The values do not describe a style.
        """
        return cls(**{**value, "style_sha256": tuple(value["style_sha256"])})


@dataclass(frozen=True, slots=True)
class CheckpointMeta:
    """Description of a checkpoint; the content of its `meta.json`.

    Attributes:
        step: Number of optimiser steps.
        images_seen: Number of training images.
        pairs_sha256: Digest of the training data.
        teacher: Name of the stylizer that made the targets; all names if there are several styles.
        teacher_sha256: Digest of that stylizer; one digest of all digests if there are several styles.
        style_sha256: Digests of the paintings.
        styles: Origin of each style, by its id; empty if there is one style.
        figures: Validation metrics of this step: `l1` (mean absolute difference in levels of 0 to 255), `psnr` (dB)
            and `ssim`; empty if this step was not validated.
        elapsed_s: Training time in seconds, over all sessions of the run, as `train.minutes` counts it.
        validation_s, checkpoint_s: Seconds that a validation and a checkpoint take, which `train.minutes` includes.
        share_reached: Largest share of the training that a step began at (`losses.features.start_share`).
        best: Best value so far of the metric that `train.best_by` names; None before the first validation.
        wandb_id: Id of the Weights & Biases run; None without one.
        files_sha256: Name -> digest of the checkpoint's other files.
    """

    step: int
    images_seen: int
    pairs_sha256: str
    teacher: str
    teacher_sha256: str
    style_sha256: tuple[str, ...]
    styles: tuple[StyleRecord, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    elapsed_s: float = 0.0
    validation_s: float = 0.0
    checkpoint_s: float = 0.0
    share_reached: float = 0.0
    best: float | None = None
    wandb_id: str | None = None
    files_sha256: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, with the schema version and a digest over all of them."""
        value = {"schema_version": RUN_VERSION, **asdict(self)}
        return {**value, "sha256": sha256_json(value)}

    @classmethod
    def read(cls, path: Path) -> CheckpointMeta:
        """Read `meta.json`.

        Raises:
            ArtifactError: The file is missing or damaged, or has an unknown version.
        """
        value = _read_versioned(path)
        if value.pop("sha256", None) != sha256_json({"schema_version": RUN_VERSION, **value}):
            raise ArtifactError(f"{path}: is damaged: its digest differs from the one that it holds")
        try:
            styles = tuple(StyleRecord.from_json(style) for style in value["styles"])
            return cls(**{**value, "style_sha256": tuple(value["style_sha256"]), "styles": styles})
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"{path}: is damaged ({error})") from error


def verify_checkpoint(folder: Path) -> CheckpointMeta:
    """Read a checkpoint's `meta.json`, and check that all files have the digests that it lists.

    Args:
        folder: Folder of the checkpoint.

    Raises:
        ArtifactError: A file is missing or damaged; the message names it.
    """
    meta = CheckpointMeta.read(folder / META_FILE)
    for name, digest in meta.files_sha256.items():
        try:
            is_intact = sha256_file(folder / name) == digest
        except OSError as error:
            raise ArtifactError(f"{folder / name}: cannot be read: {error.strerror or error}") from error
        if not is_intact:
            raise ArtifactError(f"{folder / name}: is damaged: its digest differs from the one in {META_FILE}")
    return meta


class RunFolder:
    """A folder that `pix2style train` wrote.

    Args:
        path: The folder.

    Attributes:
        path: The folder.
        config: Configuration of the experiment.
        config_sha256: Digest of the configuration as the run stored it. Later versions may fill in keys that did not
            exist then, so the digest of `config` itself could change.

    Raises:
        ArtifactError: It is no run folder, or has an unknown version.
    """

    def __init__(self, path: Path) -> None:
        if not (path / "config.json").is_file():
            raise ArtifactError(
                f"{path}: is not a run folder (it has no config.json): name a folder that pix2style train wrote"
            )
        self.path = path
        value = _read_versioned(path / "config.json")
        try:
            self.config: Config = parse_config(value["config"], source=str(path / "config.json"))
            self.config_sha256 = sha256_json(value["config"])
        except (KeyError, ConfigError) as error:
            raise ArtifactError(f"{path / 'config.json'}: cannot be used: {error}") from error

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.config.name

    @property
    def checkpoints(self) -> list[str]:
        """Names of the checkpoints, the oldest first."""
        return checkpoint_names(self.path / "checkpoints")

    def checkpoint(self, which: str = "latest") -> Path:
        """Return the folder of a checkpoint.

        Args:
            which: `latest`, `best`, or a name such as `step-0012000`. `best` is `latest` if nothing was validated.

        Raises:
            ArtifactError: There is no such checkpoint.
        """
        folder = self.path / "checkpoints"
        name = which
        if which in ("latest", "best"):
            pointer = folder / which
            if which == "best" and not pointer.is_file():
                pointer = folder / "latest"
            name = pointer.read_text(encoding="utf-8", errors="replace").strip() if pointer.is_file() else ""
        if not _STEP_NAME.match(name) or not (folder / name / META_FILE).is_file():
            available = ", ".join(self.checkpoints) or "none"
            raise ArtifactError(f"{self.path}: has no checkpoint {which!r} (there are: {available})")
        return folder / name


def checkpoint_names(folder: Path) -> list[str]:
    """Return the names of the checkpoints in a folder `checkpoints`, the oldest first."""
    return sorted((p.name for p in folder.glob("step-*") if _STEP_NAME.match(p.name)), key=_step_number)


def _step_number(name: str) -> int:
    return int(name.removeprefix("step-"))


def _read_versioned(path: Path) -> dict[str, Any]:
    """Read a JSON object without its `schema_version`, which has to be today's."""
    value = read_json(path)
    version = value.pop("schema_version", None) if isinstance(value, dict) else None
    if version != RUN_VERSION:
        raise ArtifactError(
            f"{path}: has schema version {version}, this pix2style reads {RUN_VERSION}: update pix2style"
        )
    checked: dict[str, Any] = value
    return checked
