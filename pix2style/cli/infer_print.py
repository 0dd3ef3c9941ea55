"""What `infer` prints: progress, the report, and how to go on after Ctrl-C."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.durations import joined
from pix2style.plural import counted
from pix2style.printable import printable

if TYPE_CHECKING:
    from pix2style.runtime.files_report import FilesReport
    from pix2style.video.clip_progress import ClipProgress, ClipProgressCallback
    from pix2style.video.interrupted import ClipInterrupted
    from pix2style.video.stylize_inputs import InputsProgress


@contextlib.contextmanager
def show_progress() -> Iterator[InputsProgress]:
    """Show a bar for all photos together, and then one for each clip."""
    from pix2style.progress import ProgressBar
    from pix2style.video.stylize_inputs import InputsProgress

    with contextlib.ExitStack() as photos:
        bar = photos.enter_context(ProgressBar("photos", 0))

        @contextlib.contextmanager
        def on_clip(number: int, total: int) -> Iterator[ClipProgressCallback]:
            photos.close()  # one bar at a time
            with _clip_bar("clip" if total == 1 else f"clip {number} of {total}") as callback:
                yield callback

        yield InputsProgress(bar.set_counts, on_clip)


@contextlib.contextmanager
def _clip_bar(label: str) -> Iterator[ClipProgressCallback]:
    from pix2style.progress import LiveStatus

    with LiveStatus(label) as status:

        def show(progress: ClipProgress) -> None:
            status.update(progress.share, progress.left_s, _remark(progress))

        yield show


def _remark(progress: ClipProgress) -> str:
    """Return for example `750 of 3,000 frames, 31.2 frames/s, 1.04 times real time`."""
    done, total = progress.done, progress.total
    return joined(
        f"{done:,} of {counted(total, 'frame')}" if total else counted(done, "frame"),
        f"{progress.frames_per_s:.1f} frames/s" if progress.frames_per_s else "",
        f"{progress.times_real_time:.2f} times real time" if progress.times_real_time else "",
    )


def interrupted_advice(interruption: ClipInterrupted) -> str:
    """Return what to print after Ctrl-C during a clip; the command to go on is on a line of its own."""
    from pix2style.progress import command_text

    command = command_text("pix2style", *sys.argv[1:])
    if not interruption.frames:
        return f"no frame was done; the same command starts again: {command}"
    frames = counted(interruption.frames, "frame", verb="is")
    where = f"in {interruption.partial}" if interruption.partial else "done, but no playable file was written"
    goes_on = f"goes on after frame {interruption.kept_frames:,}" if interruption.kept_frames else "starts again"
    return printable(f"{frames} {where}; the same command {goes_on}: {command}")


def print_report(report: FilesReport, out: Path, tiled: int, *, as_json: bool) -> None:
    """Print the report on stdout, on one line or as JSON.

    Args:
        report: The report.
        out: The output file or folder.
        tiled: Number of photos that were computed in tiles.
        as_json: Whether to print JSON.
    """
    from pix2style.images import count_left_out

    if as_json:
        figures = {
            "ms_per_picture": report.ms_per_picture,
            "clip_frames_per_s": report.clip_frames_per_s,
            "tiled": tiled,
            "left_out_counts": count_left_out(report.left_out),
        }
        fields = {field.name: getattr(report, field.name) for field in dataclasses.fields(report)}
        print(json.dumps({**fields, **figures}, default=_to_json))
        return
    parts = [*_made(report, tiled), *_not_made(report)]
    if report.shard is not None:
        of_all = f"part {report.shard} of {counted(report.inputs, 'photo or clip', 'photos and clips')}"
        parts = [of_all, *parts] if report.handled else [f"{of_all}: nothing to do"]
    print(printable(f"{out}: " + "; ".join(parts)))


def _to_json(value: object) -> object:
    """Return what JSON has for a list of a report, for one of its remarks, or for a path."""
    if isinstance(value, Sequence):
        return list(value)
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)


def _made(report: FilesReport, tiled: int) -> list[str]:
    """Return what was stylized, in words."""
    from pix2style.images.kinds import VIDEO_SUFFIXES, suffix_of

    photos, parts = len(report.written) - len(report.clips), []
    others = itertools.chain(report.skipped, (failure.path for failure in report.failures))
    only_clips = report.handled and all(suffix_of(path.name) in VIDEO_SUFFIXES for path in others)
    if not (photos or report.clips) and only_clips:
        parts.append("0 clips stylized")
    elif photos or not report.clips:
        parts.append(f"{counted(photos, 'photo')} stylized")
    if report.ms_per_picture is not None:
        seconds = "" if report.clips else f", {report.seconds:.1f} s in all"
        parts.append(f"{report.ms_per_picture:.0f} ms each{seconds}")
    if report.sequences:
        files = counted(report.sequences, "file")
        parts.append(
            f"{counted(report.frames, 'frame or page', 'frames and pages')} in {files}, each stylized by itself"
        )
    if tiled:
        parts.append(f"{tiled} of them in tiles")
    if report.clips:
        parts.append(_clips(report))
    return parts


def _clips(report: FilesReport) -> str:
    """Return for example `2 clips stylized, 1,500 frames, 31.2 frames/s, 48.1 s in all`."""
    rate, resumed = report.clip_frames_per_s, sum(clip.resumed_frames for clip in report.clips)
    return joined(
        f"{counted(len(report.clips), 'clip')} stylized",
        counted(sum(clip.frames for clip in report.clips), "frame"),
        f"{resumed:,} of them by an earlier call" if resumed else "",
        f"{rate:.1f} frames/s" if rate else "",
        f"{report.seconds:.1f} s in all",
    )


def _not_made(report: FilesReport) -> list[str]:
    """Return what was not stylized, or got another name, in words."""
    from pix2style.images import describe_left_out

    parts = []
    if report.skipped:
        them = "it" if len(report.skipped) == 1 else "them"
        unknown = f", {report.of_unknown_origin} of unknown origin" if report.of_unknown_origin else ""
        parts.append(f"{len(report.skipped)} existed already{unknown} (--overwrite replaces {them})")
    if report.renamed:
        one = len(report.renamed) == 1
        their, which = ("its", "another photo has") if one else ("their", "other photos have")
        parts.append(f"{len(report.renamed)} got a number in {their} name, because {which} that name")
    if report.failures:
        parts.append(f"{len(report.failures)} failed")
    if report.left_out:
        parts.append(f"left out: {describe_left_out(report.left_out)}")
    return parts
