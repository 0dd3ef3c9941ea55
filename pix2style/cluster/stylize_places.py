"""Stylize all photos of a place into another one, on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pix2style.cluster.cluster_report import ClusterReport, ReportLines
from pix2style.cluster.photo_result import BatchResult, PhotoResult
from pix2style.cluster.photo_worker import ClusterJob
from pix2style.cluster.place import Place
from pix2style.cluster.ray_run import RayOptions, running_on_ray
from pix2style.errors import DataError
from pix2style.images import IMAGE_SUFFIXES
from pix2style.images.left_out import describe_counts
from pix2style.plural import counted
from pix2style.runtime.existing_outputs import OTHER_ORIGINS
from pix2style.writable import check_can_write_folder

REPORT_NAME = "pix2style-report.jsonl"
"""Name of the report in the target."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options about reading and replacing files, and the place of the report.

    Attributes:
        overwrite: Whether outputs that exist are replaced.
        recursive: Whether subfolders of the source are searched.
        report: Place of the report; None for the target.
        report_name: Name of the report there.
    """

    overwrite: bool = False
    recursive: bool = True
    report: Place | None = None
    report_name: str = REPORT_NAME


def stylize_places(
    job: ClusterJob,
    ray_options: RayOptions,
    run: RunOptions,
    on_progress: Callable[[ClusterReport], None] = lambda _report: None,
) -> ClusterReport:
    """Stylize all photos of the source of a job into its target; see `stylize_files` for what outputs are like.

    An output that exists is kept if the same filter made it of the same photo with the same settings, so that calling
    again continues an interrupted call. If a photo fails, the others are still done. The report is written in any case.

    Args:
        job: What to do.
        ray_options: Where and how the work is distributed.
        run: What is read and replaced, and where the report goes.
        on_progress: Called after each batch.

    Raises:
        DataError: Before any work: there are no photos, the source is the target, or an output that exists was made by
            another filter, with other settings or of another photo.
        ArtifactError: The cluster cannot be reached, or a worker cannot load the filter.
    """
    started = time.perf_counter()
    results, compare = _check_places(job, run)
    report, lines = ClusterReport(), ReportLines()

    def add(batch: BatchResult) -> None:
        report.add(batch)
        lines.add(batch)
        on_progress(report)

    try:
        with running_on_ray(job, ray_options, results=results, recursive=run.recursive, compare=compare) as stages:
            compared, stylized = stages
            _refuse_others(_others(compared, add), job)
            for batch in stylized:
                add(batch)
    finally:
        report.seconds = time.perf_counter() - started
        if report.handled:
            _write_report(lines.finish(report.to_json()), job, run)
    if not report.handled:
        there = f" ({describe_counts(report.left_out)} there)" if report.left_out else ""
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise DataError(f"no images in {job.source.address}: looked for {suffixes}{there}")
    return report


def _check_places(job: ClusterJob, run: RunOptions) -> tuple[str | None, bool]:
    """Return the folder inside the source that outputs go to, or None, and whether there are outputs to compare."""
    try:
        job.source.entries("")
    except OSError as error:
        raise DataError(f"{job.source.address}: cannot be opened as a folder: {_reason(error)}") from error
    results = job.target.path_within(job.source)
    if results == "":
        raise DataError(f"{job.target.address}: is also the folder of the photos: choose another TARGET")
    if (folder := job.target.local_path("")) is not None:
        check_can_write_folder(folder)
    try:
        return results, bool(job.target.entries("")) and not run.overwrite
    except FileNotFoundError:
        return results, False
    except OSError as error:
        raise DataError(f"{job.target.address}: cannot be opened as a folder: {_reason(error)}") from error


def _others(batches: Iterable[BatchResult], add: Callable[[BatchResult], None]) -> tuple[PhotoResult | None, int]:
    """Add batches; return the first output with another origin, and the number of further ones of its kind."""
    first, alike = None, -1
    for batch in batches:
        add(batch)
        for result in batch.results:
            if result.outcome in OTHER_ORIGINS:
                first = first or result
                alike += result.outcome == first.outcome
    return first, alike


def _refuse_others(others: tuple[PhotoResult | None, int], job: ClusterJob) -> None:
    """Raise an error if there are outputs with another origin."""
    first, alike = others
    if first is None:
        return
    more = f", as {counted(alike, 'more image', verb='was')}" if alike else ""
    what, them = OTHER_ORIGINS[first.outcome].format(source="photo"), "them" if alike else "it"
    raise DataError(
        f"{job.target.address}/{first.output}: {what}{more}: add --overwrite to replace {them}, or"
        " choose another TARGET"
    )


def _write_report(data: bytes, job: ClusterJob, run: RunOptions) -> None:
    try:
        (run.report or job.target).write(run.report_name, data)
    except OSError as error:
        raise DataError(f"{run.report_name}: the report cannot be written: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
