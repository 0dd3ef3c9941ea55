"""Decide which checkpoints of a run are kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from pix2style.config.train import TrainConfig
from pix2style.errors import ArtifactError
from pix2style.files import write_bytes
from pix2style.runs.folder import META_FILE, CheckpointMeta, checkpoint_names
from pix2style.training.run.validation.early_stop import BestBy


def remove_old_checkpoints(folder: Path, train: TrainConfig) -> None:
    """Keep the `keep_last` newest and the `keep_best` best checkpoints, remove the others, and write `best`.

    `best` names the best of the checkpoints that are kept. It is written before anything is removed, so that it never
    names a checkpoint that does not exist.

    Args:
        folder: Folder `checkpoints` of a run.
        train: Section `train`.
    """
    names = checkpoint_names(folder)
    ranked = _rank_by_metric(folder, names, train.best_by)
    kept = {*names[-train.keep_last :], *ranked[: train.keep_best]}
    best = next((name for name in ranked if name in kept), None)
    try:
        if best is not None:
            write_bytes(folder / "best", f"{best}\n".encode())
    except OSError:
        return  # The disk is full. Remove nothing, because the old `best` may name a checkpoint that would be removed.
    for name in names:
        if name not in kept:
            shutil.rmtree(folder / name, ignore_errors=True)
    for damaged in folder.glob("step-*.damaged"):
        if (folder / damaged.stem).is_dir():  # the resumed run has written that step again
            shutil.rmtree(damaged, ignore_errors=True)


def _rank_by_metric(folder: Path, names: list[str], best_by: BestBy) -> list[str]:
    """Return the checkpoints that were validated, the best first; among equal ones the older first."""
    figures = {name: _read_figure(folder / name / META_FILE, best_by) for name in names}
    values = {name: figure for name, figure in figures.items() if figure is not None}
    sign = 1 if best_by == "l1" else -1
    return sorted(values, key=lambda name: sign * values[name])


def _read_figure(meta_file: Path, best_by: BestBy) -> float | None:
    try:
        return CheckpointMeta.read(meta_file).figures.get(best_by)
    except ArtifactError:
        return None  # damaged; a resumed run reports it if it needs this checkpoint
