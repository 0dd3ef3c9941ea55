"""What W&B is told of where a run came from and what it made, as artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, META_FILE, CheckpointMeta, RunFolder

PAIR_SET_TYPE = "pair-set"
MODEL_TYPE = "model"


@dataclass(frozen=True, slots=True)
class PairSetReference:
    """What a run learned from, by reference: digests and counts, never the pictures.

    Attributes:
        sha256: digest of the pair set, which stands for every byte of it.
        facts: whatever else describes it, as plain values (counts, teachers, size).
        manifest: the set's manifest.json; None where it has none (plain folders).
    """

    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    manifest: Path | None = None


def pair_set_artifact(wandb: Any, pairs: PairSetReference) -> Any:
    """A W&B artifact of the pair set's description; the same set gives the same artifact."""
    artifact = wandb.Artifact(
        f"pairs-{pairs.sha256[:12]}", type=PAIR_SET_TYPE, metadata={"sha256": pairs.sha256, **pairs.facts}
    )
    with artifact.new_file("pairs.json", mode="w") as stream:
        stream.write(json.dumps({"sha256": pairs.sha256, **pairs.facts}, indent=2, sort_keys=True))
    if pairs.manifest is not None and pairs.manifest.is_file():
        with artifact.new_file("manifest.json", mode="wb") as stream:
            stream.write(pairs.manifest.read_bytes())
    return artifact


def model_artifact(wandb: Any, run: Path, run_id: str) -> tuple[Any, list[str]] | None:
    """A W&B artifact of the best checkpoint's generator, with its aliases; None before the first checkpoint.

    The averaged weights, which are the ones that ship, and what the checkpoint and the run say of themselves.
    """
    if not (run / "checkpoints" / "latest").is_file():
        return None
    folder = RunFolder(run)
    best, latest = folder.checkpoint("best"), folder.checkpoint("latest")
    meta = CheckpointMeta.read(best / META_FILE)
    artifact = wandb.Artifact(f"model-{run_id}", type=MODEL_TYPE, metadata=asdict(meta))
    weights = best / EMA_FILE if (best / EMA_FILE).is_file() else best / GENERATOR_FILE
    for file in (weights, best / META_FILE, run / "config.json"):
        artifact.add_file(str(file))
    return artifact, ["best", *(["latest"] if best == latest else []), best.name]
