"""Stylize files and folders that may hold photos and clips: the photos first, then one clip after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.errors import ConfigError
from pix2style.images.kinds import VIDEO_SUFFIXES
from pix2style.light_dataclass import dataclass
from pix2style.progress import no_progress
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.files_report import FilesReport
from pix2style.runtime.output_paths import ClipRules, JobList, plan_outputs
from pix2style.runtime.stylize_files import begin_report, keep_existing, origin_of, outputs_in, stylize_photos
from pix2style.stylizer import Stylizer
from pix2style.video.containers import CONTAINERS
from pix2style.video.find import is_clip

if TYPE_CHECKING:
    from pix2style.video.clip_progress import ClipProgressCallback
    from pix2style.video.clip_settings import ClipSettings
    from pix2style.video.clips_of_call import ClipsOfCall

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

    def check(self, jobs: JobList) -> None:
        """Refuse options that would have no effect. If no input can be opened, the report says so instead.

        Raises:
            ConfigError: There is no input of the kind that an option concerns.
        """
        if not jobs:
            return
        has_clips, has_photos = (any(True for _ in jobs.positions_of(clips=clips)) for clips in (True, False))
        if self.clips and not has_clips:
            names = ", ".join(self.clips)
            raise ConfigError(f"{names}: for clips only, and no input is a clip: leave out {names}")
        if self.photos and not has_photos:
            names = ", ".join(self.photos)
            raise ConfigError(f"{names}: for photos only, and no input is a photo: leave out {names}")


def stylize_inputs(
    stylizer: Stylizer,
    inputs: Sequence[Path],
    out: Path,
    *,
    clips: ClipSettings | None = None,
    suffix: str | None = None,
    jpeg_quality: int = 95,
    overwrite: bool = False,
    files: FileSettings | None = None,
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
        files: Which further files are read, and how images are written; None for the defaults.
        given: Options that a person has set, which are refused where they would have no effect.
        progress: Who is told how far the call is.

    Raises:
        ConfigError: Before any work: an option has no effect, or a clip cannot be written as it says.
        DataError: Before any work: there is nothing to stylize, an output would overwrite an input, or an output that
            exists was made by another filter, with other settings or of another input.
        MissingExtraError: Before any work: a clip is an input itself, and the extra `video` is not installed.
        ClipInterrupted: Ctrl-C was pressed during a clip; see `stylize_clip`.
    """
    started, progress = time.perf_counter(), progress or InputsProgress()
    files = files or FileSettings()
    plan = plan_outputs(inputs, out, suffix=suffix, clips=CLIP_RULES, files=files)
    (given or GivenOptions()).check(plan.jobs)
    report, plan = begin_report(plan, files, "photos or clips")
    photo_jobs, clip_jobs = (plan.jobs.at(plan.jobs.positions_of(clips=wanted)) for wanted in (False, True))
    for_photos = _shrinking(stylizer, clips.max_side_px) if clips and clips.max_side_px else stylizer
    origin = origin_of(for_photos, jpeg_quality, files)
    call_clips = _clips_of_call(stylizer, clip_jobs, inputs, clips) if clip_jobs else None
    photos_to_do = keep_existing(photo_jobs, origin, report, overwrite=overwrite)
    clips_to_do = call_clips.keep_existing(overwrite=overwrite) if call_clips else ()
    with outputs_in(out, plan.jobs, chain(photos_to_do, clips_to_do)):
        if call_clips:
            call_clips.check_settings()
        if photos_to_do or report.handled:
            stylize_photos(photos_to_do, origin, report, progress.on_photos, threads=files.threads)
        if call_clips:
            call_clips.stylize(progress.on_clip)
            call_clips.add_to(report)
    report.seconds = time.perf_counter() - started
    return report


def _shrinking(stylizer: Stylizer, max_side_px: int) -> Stylizer:
    """Return a stylizer that shrinks photos first."""
    from pix2style.effects.max_side import MaxSide

    return MaxSide(stylizer, max_side_px)


def _clips_of_call(
    stylizer: Stylizer, jobs: JobList, inputs: Sequence[Path], settings: ClipSettings | None
) -> ClipsOfCall:
    # For photos alone, importing all that clips need would take longer than painting a small photo.
    from pix2style.video.clip_settings import ClipSettings
    from pix2style.video.clips_of_call import ClipsOfCall

    return ClipsOfCall(stylizer, jobs, inputs, settings or ClipSettings())
