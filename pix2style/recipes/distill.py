"""Distil a lightweight generator: train it on a pair set and, besides, on what a trained run teaches.

Two steps can come before the training: `distill.budget` chooses the generator's size, and the teacher run stylizes the
photos of `distill.photos`, which are then trained on too.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pix2style.config import Config, apply_overrides, with_values
from pix2style.errors import ConfigError
from pix2style.pairs.format.reader import PairReader
from pix2style.progress import print_note
from pix2style.recipes.distill_photos import count_photos, stylize_photos
from pix2style.recipes.filter_latency import filter_latencies_ms
from pix2style.recipes.size_search import search_size
from pix2style.runs.folder import PAINTED_FOLDER, RunFolder
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.dry_run import plan_run
from pix2style.training.run.plan import RunPlan
from pix2style.training.run.prepare import check_run_folder
from pix2style.training.run.report import TrainReport
from pix2style.training.run.train import TrainOptions, train
from pix2style.writable import check_can_write_folder

BUDGET_FILE = "budget.json"


@dataclass(frozen=True, slots=True)
class _Experiment:
    """An experiment that is ready to train.

    Attributes:
        config: The experiment with the chosen size and with the folder of the stylized photos.
        documents: JSON documents for the run folder, by file name.
        photos_to_stylize: Number of photos that a dry run found still to be stylized.
    """

    config: Config
    documents: dict[str, Any] = field(default_factory=dict)
    photos_to_stylize: int = 0


def distill(
    config: Config,
    run: Path,
    *,
    resume: bool = False,
    options: TrainOptions = TrainOptions(),  # noqa: B008 (immutable)
) -> TrainReport:
    """Choose the size, stylize more photos if the configuration asks for them, and train.

    A resumed run keeps its size and its stylized photos. `train.minutes` does not count the time that choosing the size
    and stylizing photos take.

    Args:
        config: The experiment. Without `distill.teacher_run` only the pair set is trained on.
        run: The run folder to write.
        resume: Resume the run from its latest checkpoint.
        options: How the caller wants the training to be run.

    Returns:
        The report of the training.

    Raises:
        ConfigError: No size is within the budget, the run cannot be started in this folder, or several processes would
            do what only one may do.
        DataError: The pair set or the photos cannot be used.
        ArtifactError: The teacher run, or the run to resume, cannot be loaded.
        TrainingError: Training cannot continue.
    """
    start_s = time.monotonic()
    check_can_write_folder(run, ConfigError)
    experiment = _prepare(config, run, resume=resume, dry_run=False)
    if options.began_s is not None:
        options = replace(options, began_s=options.began_s + time.monotonic() - start_s)
    return train(experiment.config, run, resume=resume, documents=experiment.documents, options=options)


def plan_distillation(config: Config, run: Path, *, resume: bool = False) -> RunPlan:
    """Do what `distill` would do up to the training, but stylize and write nothing, and estimate the training.

    Args and errors are those of `distill`.
    """
    experiment = _prepare(config, run, resume=resume, dry_run=True)
    return plan_run(experiment.config, run, resume=resume, photos_to_stylize=experiment.photos_to_stylize)


def _prepare(config: Config, run: Path, *, resume: bool, dry_run: bool) -> _Experiment:
    documents: dict[str, Any] = {}
    if config.distill.budget.limit is not None:
        config, documents = _with_size(config, run, resume=resume)
    if not config.distill.photos:
        return _Experiment(config, documents)
    config, photos_to_stylize = _with_photos(config, run, resume=resume, dry_run=dry_run)
    return _Experiment(config, documents, photos_to_stylize)


def _with_size(config: Config, run: Path, *, resume: bool) -> tuple[Config, dict[str, Any]]:
    """Return the experiment with the size that the budget allows, and the documents of the search."""
    if resume:
        lite = RunFolder(run).config.model.lite
        return apply_overrides(config, [f"model.lite.{key}={getattr(lite, key)}" for key in ("channels", "blocks")]), {}
    if config.distill.budget.ms_512 is not None and _process_count() > 1:
        raise ConfigError(
            "[distill -> budget -> ms_512] each of several processes would measure another time and choose another"
            " size: choose the size in one process (distill --dry-run prints it), then set model.lite and leave out the"
            " budget; or set gmacs_512 instead"
        )
    result = search_size(config, filter_latencies_ms)
    print_note(f"distill.budget: {result.chosen}")
    return result.config, {BUDGET_FILE: result.to_json()}


def _with_photos(config: Config, run: Path, *, resume: bool, dry_run: bool) -> tuple[Config, int]:
    """Have the photos stylized, into RUN/painted unless `distill.painted` names another folder.

    Returns:
        The experiment that trains on the stylized photos too, and 0. A dry run that finds photos still to be stylized
        returns the experiment without them, and their number.
    """
    folder = config.distill.painted or run / PAINTED_FOLDER
    with_photos = with_values(config, {"distill.painted": str(folder)})
    if resume:
        return with_photos, 0
    if _process_count() > 1:
        raise ConfigError(
            "[distill -> photos] only one process may stylize them: start distill once without torchrun and with a"
            " small train.images in another --out, then leave out distill.photos and set distill.painted to its folder"
            f" {PAINTED_FOLDER}"
        )
    check_run_folder(run, config, resume=False)  # before hours of stylizing
    without_photos = apply_overrides(config, ["distill.photos=[]", "distill.painted=null"])
    pairs = _pair_set(without_photos)
    if not dry_run:
        stylize_photos(config, pairs, folder)
        return with_photos, 0
    count = count_photos(config, pairs, folder)
    return (without_photos, count) if count else (with_photos, 0)


def _pair_set(config: Config) -> PairReader:
    reader = open_training_data(config).reader
    if not isinstance(reader, PairReader):
        raise TypeError("Config refuses distill.photos together with train.unpaired")
    return reader


def _process_count() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
