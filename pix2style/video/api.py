"""Stylize clips from Python: into a file, or frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from pix2style.effects.masked import notes_about_masks
from pix2style.errors import ConfigError, DataError, require
from pix2style.files import sha256_file, sha256_json
from pix2style.images import Image8, KeepMetadata, as_array
from pix2style.progress import no_progress
from pix2style.steady import FramePlan, SteadyMode, SteadyStylizer
from pix2style.stylizer import Stylizer
from pix2style.version import __version__
from pix2style.video.clip import ClipFacts, ClipFrame
from pix2style.video.clip_job import QUEUE_FRAMES, ClipJob, ClipReport
from pix2style.video.clip_origin import ClipOrigin
from pix2style.video.clip_progress import ClipProgress
from pix2style.video.clip_settings import ClipSettings, clip_settings
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames
from pix2style.video.settings import FRAMES_PER_SEGMENT, VideoSettings
from pix2style.video.thread_queue import ReadAhead
from pix2style.video.timeline import read_timeline
from pix2style.video.work_folder import open_work_folder, work_folder_path
from pix2style.writable import check_can_write


def stylize_clip(
    stylizer: Stylizer,
    source: str | Path,
    out: str | Path,
    *,
    steady: SteadyMode | str = SteadyMode.LOCK,
    start_s: float | None = None,
    end_s: float | None = None,
    max_side_px: int | None = None,
    crf: int | None = None,
    codec: str | None = None,
    timeline: str | Path | None = None,
    lossless: bool = False,
    metadata: KeepMetadata | str = KeepMetadata.NONE,
    on_progress: Callable[[ClipProgress], None] = no_progress,
    segment_frames: int = FRAMES_PER_SEGMENT,
    queue_frames: int = QUEUE_FRAMES,
    encoder_threads: int | None = None,
) -> ClipReport:
    """Stylize a clip into a file, with its sound and its subtitles.

    Decoding, stylizing and encoding overlap in threads. While the work runs, finished segments lie in a hidden
    folder beside the output. If it is stopped, the same call goes on at the first missing segment, and the output has
    the same bytes. An output that exists is replaced when the new one is complete.

    Args:
        stylizer: Any stylizer; see `pix2style.load_stylizer`.
        source: Path of the clip.
        out: Path of the output, whose suffix chooses the container: `.mp4`, `.m4v`, `.mov`, `.mkv` or `.webm`.
        steady: What is done to keep strokes in place: `"off"`, `"lock"` or `"full"`.
        start_s: Only what is shown from this time on, in seconds from the beginning of the clip; None for all.
        end_s: Only what is shown before this time; None for all.
        max_side_px: Frames with a longer side are shrunk to this, and all to even sizes; None for the clip's own size.
        crf: Quality of the encoder, where smaller is better; None for the codec's default.
        codec: Codec, for example `"h264"`; None for the container's default.
        timeline: Path of a text file with strength and style over time; see `video.timeline`. For filter files.
        lossless: Whether frames are encoded without loss: FFV1 in `.mkv`, QuickTime Animation in `.mov`, H.264 or VP9
            4:4:4 in the others.
        metadata: Which tags are kept beside title and chapters: `"none"`, `"safe"` (date, camera, artist, copyright)
            or `"all"`.
        on_progress: Called from time to time, in this thread.
        segment_frames: Number of frames that are encoded together, which is what a stop loses at most.
        queue_frames: Number of frames that may wait between two threads.
        encoder_threads: Number of threads of the encoder, on which the bytes depend; None for the usual number.

    Raises:
        ConfigError: A setting is out of its range, or the container cannot hold the codec.
        DataError: The clip cannot be read, the output cannot be written, or another process writes it. What was done is
            kept for the next call.
        ClipInterrupted: Ctrl-C was pressed, in the main thread. What was done is in a playable `.partial` file, unless
            Ctrl-C was pressed again.
        MissingExtraError: The extra `video` is not installed.
    """
    settings = clip_settings(
        steady=steady,
        start_s=start_s,
        end_s=end_s,
        max_side_px=max_side_px,
        crf=crf,
        codec=codec,
        timeline=read_timeline(Path(timeline), stylizer) if timeline is not None else None,
        segment_frames=segment_frames,
        encoder_threads=encoder_threads,
        lossless=lossless,
        metadata=metadata,
    )
    return run_clip(stylizer, Path(source), Path(out), settings, on_progress=on_progress, queue_frames=queue_frames)


def run_clip(
    stylizer: Stylizer,
    source: Path,
    out: Path,
    settings: ClipSettings,
    *,
    on_progress: Callable[[ClipProgress], None] = no_progress,
    queue_frames: int = QUEUE_FRAMES,
) -> ClipReport:
    """Stylize a clip with settings that are checked; see `stylize_clip`."""
    require("video", "av")
    facts = read_facts(source)
    if out.exists() and out.samefile(source):
        raise DataError(f"{out}: is the clip and would be overwritten: choose another OUT")
    check_can_write(out)
    stylizer = stylizer.for_source(source)
    video, notes = settings.video_settings(facts, out)
    notes += notes_about_masks(stylizer, has_alpha=facts.has_alpha)
    origin = ClipOrigin(stylizer, 0, settings).note_of(out, sha256_file(source))
    folder, kept_frames = work_folder_path(out), 0
    try:
        with open_work_folder(out, _job_digest(origin, video)) as work:
            if work.discarded:
                notes.append("an earlier call with other settings was not finished: its frames are discarded")
            if work.damaged:
                notes.append("some of what an earlier call has kept is damaged: it is discarded, and made again")
            try:
                job = ClipJob(
                    stylizer,
                    facts,
                    out,
                    settings=settings,
                    video=video,
                    work=work,
                    origin=origin,
                    on_progress=on_progress,
                    queue_frames=queue_frames,
                )
                return job.run(notes)
            finally:
                kept_frames = work.frames
                if not work.segments and work.partial is None:
                    work.remove()
    except OSError as error:
        raise DataError(_cannot_write(out, error, kept_frames)) from error
    except DataError as error:
        if str(error).startswith(str(folder)):  # the file that a person knows is the output
            raise DataError(f"{out}{str(error)[str(error).index(': ', len(str(folder))) :]}") from error
        raise


def _job_digest(origin: str, video: VideoSettings) -> str:
    """Return a digest of all that the bytes of segments depend on: what encodes them, too."""
    import av
    import onnxruntime

    versions = [__version__, np.__version__, av.__version__, str(av.library_versions), onnxruntime.__version__]
    return sha256_json([origin, video.digest(), versions])


def _cannot_write(out: Path, error: OSError, kept_frames: int) -> str:
    kept = f" ({kept_frames:,} frames are kept for it)" if kept_frames else ""
    return f"{out}: cannot be written: {error.strerror or error}: make room, and run the same command again{kept}"


def stylize_video(
    stylizer: Stylizer,
    source: str | Path | Iterable[Image8],
    *,
    steady: SteadyMode | str = SteadyMode.LOCK,
    start_s: float | None = None,
    end_s: float | None = None,
    max_side_px: int | None = None,
    timeline: str | Path | None = None,
) -> Iterator[Image8]:
    """Yield the stylized frames of a clip, one by one, when they are asked for.

    A clip is decoded in another thread, a few frames ahead. Frames of an iterable are taken in the caller's thread,
    one at a time; they need not end, and their size may change.

    Args:
        stylizer: Any stylizer; see `pix2style.load_stylizer`.
        source: Path of a clip; or an iterable of frames, uint8 [height, width, 3] in RGB.
        steady: What is done to keep strokes in place: `"off"`, `"lock"` or `"full"`.
        start_s: For a path: only what is shown from this time on, in seconds from the beginning of the clip.
        end_s: For a path: only what is shown before this time.
        max_side_px: For a path: frames with a longer side are shrunk to this, and all to even sizes.
        timeline: For a path: a text file with strength and style over time; see `video.timeline`.

    Yields:
        Stylized frames, uint8 [height, width, 3], upright.

    Raises:
        ConfigError: A setting is out of its range, or is for clips and the source is none.
        DataError: The clip cannot be read.
        MissingExtraError: The source is a path, and the extra `video` is not installed.
    """
    of_clips = {"start_s": start_s, "end_s": end_s, "max_side_px": max_side_px, "timeline": timeline}
    if isinstance(source, str | Path):
        [_] = require("video", "av")
        of_clips["timeline"] = None if timeline is None else read_timeline(Path(timeline), stylizer)  # type: ignore[assignment]
        settings = clip_settings(steady=steady, **of_clips)
        return _stylize_clip_frames(stylizer.for_source(Path(source)), read_facts(Path(source)), settings)
    if given := [name for name, value in of_clips.items() if value is not None]:
        raise ConfigError(f"{', '.join(given)}: for paths of clips only, not for an iterable of frames")
    return _stylize_frames(SteadyStylizer(stylizer, clip_settings(steady=steady).steady), source)


def _stylize_frames(steady: SteadyStylizer, frames: Iterable[Image8]) -> Iterator[Image8]:
    for frame in frames:
        image = np.ascontiguousarray(as_array(frame))
        yield steady.stylize(image, steady.follow(image))


def _stylize_clip_frames(stylizer: Stylizer, facts: ClipFacts, settings: ClipSettings) -> Iterator[Image8]:
    stylizer = stylizer.copy_for_clips()
    steady = SteadyStylizer(stylizer, settings.steady)

    def follow() -> Iterator[tuple[ClipFrame, float, FramePlan]]:
        for frame in read_frames(
            facts, start_s=settings.start_s, end_s=settings.end_s, max_side_px=settings.max_side_px
        ):
            yield frame, facts.seconds_of(frame.time), steady.follow(frame.rgb)

    with ReadAhead(follow, QUEUE_FRAMES) as reader:
        for frame, seconds, plan in reader:
            if settings.timeline:
                settings.timeline.apply(stylizer, seconds)
            yield steady.stylize(frame.rgb, plan, frame.alpha)
