"""Stylize files and folders that may hold photos and clips: the photos first, then one clip after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from pix2style.effects.max_side import MaxSide
from pix2style.errors import ArtifactError, ClipError, ConfigError, DataError, MissingExtraError, require
from pix2style.images.kinds import VIDEO_SUFFIXES
from pix2style.progress import no_progress
from pix2style.runtime.existing_outputs import OutputOrigin
from pix2style.runtime.files_report import ClipOutput, FailedFile, FileNote, FilesReport
from pix2style.runtime.output_paths import ClipRules, Job, plan_outputs
from pix2style.runtime.stylize_files import keep_existing, report_of_plan, stylize_photos
from pix2style.stylizer import Stylizer
from pix2style.video.clip_origin import ClipOrigin
from pix2style.video.clip_progress import ClipProgress
from pix2style.video.clip_settings import ClipSettings
from pix2style.video.containers import CONTAINERS
from pix2style.video.find import is_clip
from pix2style.video.work_folder import remove_stale
from pix2style.writable import check_can_write_folder

ClipProgressCallback = Callable[[ClipProgress], None]
_DEFAULT_SUFFIX = ".mp4"
_WRITABLE = frozenset(CONTAINERS)
CLIP_RULES = ClipRules(is_clip, VIDEO_SUFFIXES | _WRITABLE, _WRITABLE, _DEFAULT_SUFFIX)
"""How clips among inputs are recognised, and what their outputs are called."""


@dataclass(frozen=True, slots=True)
class InputsProgress:
    """Who is told how far a call is.

    Attributes:
        on_photos: Called after every photo with the number of handled photos and the number of all photos.
        on_clip: Called before each clip with its number, from 1, and the number of clips to do; returns a context
            manager around the work on the clip, which gives the callback for it.
    """

    on_photos: Callable[[int, int], None] = no_progress
    on_clip: Callable[[int, int], AbstractContextManager[ClipProgressCallback]] = lambda _number, _total: nullcontext(
        no_progress
    )


@dataclass(frozen=True, slots=True)
class GivenOptions:
    """Options that a person has set, by the kind of input that they concern; for messages.

    Attributes:
        clips: Names of options that concern clips only.
        photos: Names of options that concern photos only.
    """

    clips: Sequence[str] = ()
    photos: Sequence[str] = ()

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuse options that would have no effect.

        Raises:
            ConfigError: There is no input of the kind that an option concerns.
        """
        has_clips, has_photos = any(job.is_clip for job in jobs), not all(job.is_clip for job in jobs)
        if self.clips and not has_clips:
            raise ConfigError(f"{', '.join(self.clips)}: for clips only, and there are none: leave it out")
        if self.photos and not has_photos:
            raise ConfigError(f"{', '.join(self.photos)}: for photos only, and there are none: leave it out")


def stylize_inputs(
    stylizer: Stylizer,
    inputs: Sequence[Path],
    out: Path,
    *,
    clips: ClipSettings | None = None,
    suffix: str | None = None,
    jpeg_quality: int = 95,
    overwrite: bool = False,
    given: GivenOptions | None = None,
    progress: InputsProgress | None = None,
) -> FilesReport:
    """Stylize photos and clips, and folders of them.

    Photos are treated as by `runtime.stylize_files.stylize_files`, and each clip as by `stylize_clip`. An output that
    exists already is kept. If a photo or clip fails, it is listed in the report and the others are still done.

    Args:
        stylizer: Any stylizer; see `pix2style.load_stylizer`.
        inputs: Files, and folders that are searched recursively.
        out: Output folder, which is created if needed; or an output file for a single photo or clip.
        clips: How clips are stylized; None for the defaults. Photos are shrunk to its `max_side_px`, too.
        suffix: Suffix of the outputs of all photos, for example `.png`; None for the suffixes of the photos.
        jpeg_quality: Quality of JPEG and WebP files, 1 to 100.
        overwrite: Whether to replace outputs that exist.
        given: Options that a person has set, which are refused where they would have no effect.
        progress: Who is told how far the call is.

    Raises:
        ConfigError: Before any work: an option has no effect, or a clip cannot be written as it says.
        DataError: Before any work: there is nothing to stylize, an output would overwrite an input, or an output that
            exists was made by another filter, with other settings or of another input.
        MissingExtraError: Before any work: a clip is an input itself, and the extra `video` is not installed.
        ClipInterrupted: Ctrl-C was pressed during a clip; see `stylize_clip`.
    """
    started, progress, settings = time.perf_counter(), progress or InputsProgress(), clips or ClipSettings()
    plan = plan_outputs(inputs, out, suffix=suffix, clips=CLIP_RULES)
    (given or GivenOptions()).check(plan.jobs)
    photo_jobs, clip_jobs = ([job for job in plan.jobs if job.is_clip is wanted] for wanted in (False, True))
    report, clip_report = report_of_plan(plan, "photos or clips"), FilesReport()
    if clip_jobs and (reason := _missing_extra(clip_jobs, inputs)):
        clip_report.failures += [FailedFile(job.source, reason) for job in clip_jobs]
        clip_jobs = []
    for_photos = MaxSide(stylizer, settings.max_side_px) if settings.max_side_px else stylizer
    origin = OutputOrigin(for_photos, jpeg_quality)
    photo_jobs = keep_existing(photo_jobs, origin, report, overwrite=overwrite)
    clip_jobs = keep_existing(clip_jobs, ClipOrigin(stylizer, 0, settings), clip_report, overwrite=overwrite)
    for target in clip_report.skipped:
        remove_stale(target)
    if jobs := [*photo_jobs, *clip_jobs]:
        check_can_write_folder(out.parent if jobs[0].target == out else out)
    _check_settings(clip_jobs, settings)
    if photo_jobs or report.handled:
        stylize_photos(photo_jobs, origin, report, progress.on_photos)
    for number, job in enumerate(clip_jobs, 1):
        with progress.on_clip(number, len(clip_jobs)) as on_progress:
            _stylize(stylizer, job, settings, clip_report, on_progress)
    _merge(report, clip_report)
    report.seconds = time.perf_counter() - started
    return report


def _missing_extra(jobs: Sequence[Job], inputs: Sequence[Path]) -> str:
    """Return why clips cannot be read; empty if they can. For clips that are inputs themselves, raise the error."""
    try:
        require("video", "av")
    except MissingExtraError as error:
        if named := [job.source for job in jobs if job.source in inputs]:
            raise MissingExtraError(f"{named[0]}: is a clip, and {error}") from error
        return f"a clip, and {error}"
    return ""


def _check_settings(jobs: Sequence[Job], settings: ClipSettings) -> None:
    """Find out before the work whether encoder and container fit, which transparency decides, too."""
    from pix2style.video.facts import read_facts

    checked: set[tuple[str, bool]] = set()
    for job in jobs:
        try:
            facts = read_facts(job.source)
        except (DataError, OSError):
            continue  # listed as failed when its turn comes
        kind = (job.target.suffix.lower(), facts.has_alpha)
        if kind not in checked:
            settings.video_settings(facts, job.target)
            checked.add(kind)


def _stylize(
    stylizer: Stylizer, job: Job, settings: ClipSettings, report: FilesReport, on_progress: ClipProgressCallback
) -> None:
    from pix2style.video.api import run_clip

    try:
        made = run_clip(stylizer, job.source, job.target, settings, on_progress=on_progress)
    except (DataError, ArtifactError, ConfigError, OSError) as error:
        reason = error.reason if isinstance(error, ClipError) else str(error)
        report.failures.append(FailedFile(job.source, reason))
        return
    report.written.append(job.target)
    report.notes += [FileNote(job.source, note) for note in made.notes]
    report.clips.append(
        ClipOutput(
            job.source,
            job.target,
            made.frames,
            made.resumed_frames,
            made.seconds,
            made.frames_per_s,
            made.times_real_time,
        )
    )


def _merge(report: FilesReport, clips: FilesReport) -> None:
    """Add what became of the clips to the report of the photos."""
    report.written += clips.written
    report.skipped = sorted([*report.skipped, *clips.skipped])
    report.of_unknown_origin += clips.of_unknown_origin
    report.failures += clips.failures
    report.notes += clips.notes
    report.clips += clips.clips
