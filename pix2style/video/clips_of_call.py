"""The clips of a call that stylizes photos and clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pix2style.errors import ArtifactError, ClipError, ConfigError, DataError, MissingExtraError, require
from pix2style.runtime.files_report import ClipOutput, FailedFile, FileNote, FilesReport
from pix2style.runtime.job_list import Job
from pix2style.runtime.stylize_files import keep_existing
from pix2style.stylizer import Stylizer
from pix2style.video.api import run_clip
from pix2style.video.clip_origin import ClipOrigin
from pix2style.video.clip_progress import ClipProgressCallback
from pix2style.video.clip_settings import ClipSettings
from pix2style.video.work_folder import remove_stale


class ClipsOfCall:
    """The clips among the inputs of a call.

    Args:
        stylizer: Any stylizer.
        jobs: The clips and their outputs.
        inputs: The inputs of the call, to tell clips that were named from those in folders.
        settings: How clips are stylized.

    Raises:
        MissingExtraError: A clip is an input itself, and the extra `video` is not installed.
    """

    def __init__(self, stylizer: Stylizer, jobs: Sequence[Job], inputs: Sequence[Path], settings: ClipSettings) -> None:
        self._stylizer, self._jobs, self._settings = stylizer, jobs, settings
        self._report = FilesReport()
        if reason := _missing_extra(jobs, inputs):
            self._report.failures += (FailedFile(job.source, reason) for job in jobs)
            self._jobs = []

    def keep_existing(self, *, overwrite: bool) -> Sequence[Job]:
        """Keep outputs that exist, and return the clips that are still to do.

        Raises:
            DataError: An output that exists was made by something else, and `overwrite` is not set.
        """
        origin = ClipOrigin(self._stylizer, 0, self._settings)
        self._jobs = keep_existing(self._jobs, origin, self._report, overwrite=overwrite)
        for target in self._report.skipped:
            remove_stale(target)
        return self._jobs

    def check_settings(self) -> None:
        """Find out before the work whether encoder and container fit, which transparency decides, too.

        Raises:
            ConfigError: A clip cannot be written as the settings say.
        """
        from pix2style.video.facts import read_facts  # needs the extra

        checked: set[tuple[str, bool]] = set()
        for job in self._jobs:
            try:
                facts = read_facts(job.source)
            except (DataError, OSError):
                continue  # listed as failed when its turn comes
            kind = (job.target.suffix.lower(), facts.has_alpha)
            if kind not in checked:
                self._settings.video_settings(facts, job.target)
                checked.add(kind)

    def stylize(self, on_clip: Callable[[int, int], AbstractContextManager[ClipProgressCallback]]) -> None:
        """Stylize one clip after another.

        Args:
            on_clip: Called before each clip with its number, from 1, and the number of clips; returns a context manager
                around the work on the clip, which gives the callback for it.
        """
        for number, job in enumerate(self._jobs, 1):
            with on_clip(number, len(self._jobs)) as on_progress:
                self._stylize(job, on_progress)

    def _stylize(self, job: Job, on_progress: ClipProgressCallback) -> None:
        try:
            made = run_clip(self._stylizer, job.source, job.target, self._settings, on_progress=on_progress)
        except (DataError, ArtifactError, ConfigError, OSError) as error:
            reason = error.reason if isinstance(error, ClipError) else str(error)
            self._report.failures.append(FailedFile(job.source, reason))
            return
        self._report.written.append(job.target)
        self._report.notes += [FileNote(job.source, note) for note in made.notes]
        self._report.clips.append(
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

    def add_to(self, report: FilesReport) -> None:
        """Add what became of the clips to the report of the photos."""
        report.written += self._report.written
        report.skipped += self._report.skipped
        report.skipped.sort()
        report.of_unknown_origin += self._report.of_unknown_origin
        report.failures += self._report.failures
        report.notes += self._report.notes
        report.clips += self._report.clips


def _missing_extra(jobs: Sequence[Job], inputs: Sequence[Path]) -> str:
    """Return why clips cannot be read; empty if they can. For clips that are inputs themselves, raise the error."""
    try:
        require("video", "av")
    except MissingExtraError as error:
        if named := [job.source for job in jobs if job.source in inputs]:
            raise MissingExtraError(f"{named[0]}: is a clip, and {error}") from error
        return f"a clip, and {error}"
    return ""
