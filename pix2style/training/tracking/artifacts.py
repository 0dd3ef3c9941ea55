"""Build the W&B artifacts of a run: the pair set that it uses and the model that it makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder
from pix2style.runs.generator import averaged_weights_file

PAIR_SET_TYPE = "pair-set"
MODEL_TYPE = "model"


@dataclass(frozen=True, slots=True)
class PairSetReference:
    """Describes the training data by digests and counts. The images themselves are never uploaded.

    Attributes:
        sha256: Digest of the pair set, which covers every byte of it.
        description: Further JSON values that describe it, such as counts and teachers.
        manifest: The set's `manifest.json`; None if there is none (plain folders).
    """

    sha256: str
    description: Mapping[str, Any] = field(default_factory=dict)
    manifest: Path | None = None


def pair_set_artifact(wandb: Any, pairs: PairSetReference) -> Any:
    """Build the W&B artifact of a pair set. Runs on the same set share one version, because its files are equal.

    Args:
        wandb: The package `wandb`.
        pairs: Description of the pair set.
    """
    metadata = {"sha256": pairs.sha256, **pairs.description}
    artifact = wandb.Artifact(f"pairs-{pairs.sha256[:12]}", type=PAIR_SET_TYPE, metadata=metadata)
    with artifact.new_file("pairs.json", mode="w") as stream:
        stream.write(json.dumps(metadata, indent=2, sort_keys=True))
    if pairs.manifest is not None and pairs.manifest.is_file():
        with artifact.new_file("manifest.json", mode="wb") as stream:
            stream.write(pairs.manifest.read_bytes())
    return artifact


def model_artifact(wandb: Any, run: Path, run_id: str) -> tuple[Any, list[str]] | None:
    """Build the W&B artifact of the best checkpoint's generator.

    It holds the averaged weights, which are the ones that are exported, with the descriptions of checkpoint and run.

    Args:
        wandb: The package `wandb`.
        run: Run folder.
        run_id: Id of the W&B run.

    Returns:
        The artifact and its aliases; None if there is no checkpoint yet.
    """
    if not (run / "checkpoints" / "latest").is_file():
        return None
    folder = RunFolder(run)
    best, latest = folder.checkpoint("best"), folder.checkpoint("latest")
    meta = CheckpointMeta.read(best / META_FILE)
    artifact = wandb.Artifact(f"model-{run_id}", type=MODEL_TYPE, metadata=asdict(meta))
    weights = averaged_weights_file(folder, best, meta)
    for file in (weights, best / META_FILE, run / "config.json"):
        artifact.add_file(str(file))
    return artifact, ["best", *(["latest"] if best == latest else []), best.name]
