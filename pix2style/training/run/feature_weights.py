"""Record in the run folder which weights the feature network has, and refuse to resume with others."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pix2style.errors import ArtifactError
from pix2style.files import read_json
from pix2style.nets.weights import WeightsRecord
from pix2style.runs.folder import FEATURES_FILE
from pix2style.training.step.state import TrainingState


def feature_weights(state: TrainingState) -> WeightsRecord | None:
    """Return which weights the feature network has; None if no loss needs one."""
    network = state.objective.feature_network
    return None if network is None else network.weights


def describe_feature_weights(state: TrainingState) -> dict[str, str] | None:
    """Return the record of `feature_weights` as JSON values."""
    record = feature_weights(state)
    return None if record is None else dataclasses.asdict(record)


def check_same_feature_weights(run: Path, state: TrainingState) -> None:
    """Refuse to resume a run with another feature network than it began with; its losses would be others.

    Args:
        run: Run folder. One that an older version began has no record, and is not checked.
        state: Training state of the resumed run.

    Raises:
        ArtifactError: The weights differ.
    """
    record, file = feature_weights(state), run / FEATURES_FILE
    if record is None or not file.is_file():
        return
    began: dict[str, Any] = read_json(file)
    if began.get("sha256") != record.sha256:
        raise ArtifactError(
            f"{run}: began with the feature network {began.get('name')} ({str(began.get('sha256'))[:12]}), not with"
            f" {record.name} ({record.sha256[:12]}): provide the first one, or delete {file} to go on with the other"
        )
