"""Stylize the photos of `distill.photos` with the teacher run: more training pairs than the pair set holds."""

from __future__ import annotations

from pathlib import Path

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.pairs.build.make_pairs import make_pairs, preview_pairs
from pix2style.pairs.build.report import BuildReport
from pix2style.pairs.format.reader import PairReader
from pix2style.progress import StagedProgress, print_failures, print_note
from pix2style.runs.stylizer import RunStylizer
from pix2style.training.data.combined import photo_digests
from pix2style.training.step.device import pick_device

_MIN_SIZE_PX, _MAX_SIZE_PX = 32, 4096  # the range of PairsConfig.size


def stylize_photos(config: Config, pairs: PairReader, folder: Path) -> None:
    """Make a pair set of `distill.photos`, with the teacher run as the teacher.

    Photos that `pairs` holds are left out, so that none of its held-out photos is trained on. An interrupted call is
    resumed by the next one.

    Args:
        config: An experiment with `distill.photos` and `distill.teacher_run`.
        pairs: The experiment's own pair set.
        folder: Folder of the new pair set.

    Raises:
        DataError: All photos are in `pairs` already, or the folder holds another pair set.
        ArtifactError: The teacher run cannot be loaded.
    """
    with StagedProgress() as progress:
        report = make_pairs(
            _settings(config, pairs),
            _teacher(config),
            folder,
            exclude_sha256=photo_digests(pairs),
            on_progress=progress,
        )
    _print_report(report)


def count_photos(config: Config, pairs: PairReader, folder: Path) -> int:
    """Return how many photos `stylize_photos` would stylize; 0 if the folder holds the finished pair set already.

    Args and errors are those of `stylize_photos`; nothing is written.
    """
    with StagedProgress() as progress:
        preview = preview_pairs(
            _settings(config, pairs),
            _teacher(config),
            folder,
            exclude_sha256=photo_digests(pairs),
            on_progress=progress,
        )
    return 0 if preview.state == "finished" else len(preview.plan.photos)


def _teacher(config: Config) -> RunStylizer:
    if config.distill.teacher_run is None:
        raise TypeError("DistillConfig refuses photos without a teacher run")
    return RunStylizer(config.distill.teacher_run, device=pick_device(config.train).type)


def _settings(config: Config, pairs: PairReader) -> PairsConfig:
    """Return settings that give images of the same scale as the pair set's, so that strokes have one size.

    For a pair set of square crops these are crops of the same size; otherwise photos are shrunk to its longest side.
    """
    manifest = pairs.manifest
    longest_side = max(max(entry.height_px, entry.width_px) for entry in pairs.entries("train"))
    size = manifest.size if manifest.fit == "crop" else longest_side
    return PairsConfig(
        content=config.distill.photos,
        size=min(max(size, _MIN_SIZE_PX), _MAX_SIZE_PX),
        fit="crop" if manifest.fit == "crop" else "fit",
        format=manifest.format,
        val_share=0,
        test_share=0,
        batch=config.pairs.batch,
    )


def _print_report(report: BuildReport) -> None:
    kept = f", {report.kept_pairs} kept from an interrupted call" if report.kept_pairs else ""
    print_note(f"distill.photos: {report.new_pairs} stylized{kept}, in {report.out}")
    failures = [(failure.source, failure.reason) for failure in report.manifest.failures]
    print_failures(failures, f"{report.out}/manifest.json")
