"""`pix2style distill` with `distill.photos`: the teacher run paints more photos than the pair set holds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pix2style.config import Config
    from pix2style.config.pairs import PairsConfig
    from pix2style.pairs.build.report import BuildReport
    from pix2style.pairs.format.reader import PairReader
    from pix2style.training.data.sources import TrainingData

_SHOWN_FAILURES = 20
_LEAST_PX, _MOST_PX = 32, 4096  # of PairsConfig.size


def with_painted(config: Config, run: Path, *, resume: bool, dry_run: bool) -> tuple[Config, int]:
    """Have the photos painted, into RUN/painted unless `distill.painted` names another folder.

    What an interrupted call painted is kept. A run that goes on learns what it began with: nothing is painted.

    Args:
        config: the experiment, with `distill.photos`.
        run: its folder.
        resume: whether the run goes on.
        dry_run: only count.

    Returns:
        The experiment that learns the painted photos too, and how many are still to be painted: none, but with
        `dry_run`, where an experiment without them is given back.

    Raises:
        ConfigError: the experiment cannot begin there, or several processes would each paint.
        DataError: no photo is left to paint, or the folder holds another pair set.
        ArtifactError: the run cannot paint.
    """
    from pix2style.config import apply_overrides
    from pix2style.errors import ConfigError
    from pix2style.runs.folder import PAINTED_FOLDER
    from pix2style.training.data.sources import open_training_data
    from pix2style.training.run.prepare import check_run_folder

    folder = config.distill.painted or run / PAINTED_FOLDER
    learning = apply_overrides(config, [f"distill.painted={json.dumps(str(folder))}"])
    if resume:
        return learning, 0
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            "[distill -> photos] several processes would each paint them: let one process paint (a distill of a few"
            " train.images, in another --out), then leave photos out and set distill.painted to its folder painted"
        )
    check_run_folder(run, config, resume=False)  # before hours of painting
    without = apply_overrides(config, ["distill.photos=[]", "distill.painted=null"])
    left = _paint(config, open_training_data(without), folder, dry_run=dry_run)
    return (without, left) if left else (learning, 0)


def _paint(config: Config, material: TrainingData, folder: Path, *, dry_run: bool) -> int:
    """Paint, or count what would be; how many are left."""
    from pix2style.pairs.build.make_pairs import make_pairs, preview_pairs
    from pix2style.pairs.format.reader import PairReader
    from pix2style.progress import StagedProgress
    from pix2style.runs.stylizer import RunStylizer
    from pix2style.training.data.combined import photo_digests
    from pix2style.training.step.device import pick_device

    if not isinstance(material.reader, PairReader) or config.distill.teacher_run is None:
        raise TypeError("the configuration's own checks let photos alone, or no teacher, through")
    teacher = RunStylizer(config.distill.teacher_run, device=pick_device(config.train).type)
    settings, known = _settings(config, material.reader), photo_digests(material.reader)
    with StagedProgress() as progress:
        if dry_run:
            preview = preview_pairs(settings, teacher, folder, exclude_sha256=known, on_progress=progress)
            return 0 if preview.state == "finished" else len(preview.plan.photos)
        report = make_pairs(settings, teacher, folder, exclude_sha256=known, on_progress=progress)
    _tell(report)
    return 0


def _settings(config: Config, pairs: PairReader) -> PairsConfig:
    """Like the pair set's, so that what is learned has one scale: squares, or whole photos at most as large."""
    from pix2style.config.pairs import PairsConfig

    manifest = pairs.manifest
    longest = max(max(entry.height_px, entry.width_px) for entry in pairs.entries("train"))
    size = manifest.size if manifest.fit == "crop" else longest
    return PairsConfig(
        content=config.distill.photos,
        size=min(max(size, _LEAST_PX), _MOST_PX),
        fit="crop" if manifest.fit == "crop" else "fit",
        format=manifest.format,
        val_share=0,
        test_share=0,
        batch=config.pairs.batch,
    )


def _tell(report: BuildReport) -> None:
    from pix2style.progress import print_note

    kept = f", {report.kept_pairs} from before" if report.kept_pairs else ""
    print_note(f"distill.photos: {report.new_pairs} painted{kept}, in {report.out}")
    failures = report.manifest.failures
    for failure in failures[:_SHOWN_FAILURES]:
        print_note(f"{failure.source}: left out: {failure.reason}")
    if len(failures) > _SHOWN_FAILURES:
        print_note(f"{len(failures) - _SHOWN_FAILURES} more files were left out: see manifest.json")
