"""Stylize one clip: decoding, stylizing and encoding overlap in threads, and a stopped job goes on later."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2style.errors import DataError, Pix2StyleError
from pix2style.stylizer import Stylizer
from pix2style.video.clip import ClipFacts, ClipFrame
from pix2style.video.clip_progress import ClipMeter, ClipProgress
from pix2style.video.clip_settings import ClipSettings
from pix2style.video.interrupted import ClipInterrupted
from pix2style.video.join import join_segments
from pix2style.video.painter import FollowedFrame, PaintedFrame, Painter
from pix2style.video.read import read_frames
from pix2style.video.segments import encode_segment
from pix2style.video.settings import VideoSettings
from pix2style.video.thread_queue import ReadAhead, WriteBehind
from pix2style.video.work_folder import State, WorkFolder, remove_partial

QUEUE_FRAMES = 3
"""Number of decoded frames that may wait for the stylizer, and of stylized ones that may wait for the encoder."""


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What became of a clip.

    Attributes:
        frames: Number of frames in the output.
        resumed_frames: Number of those that an earlier call had made.
        seconds: Duration of the call.
        stylize_seconds: Part of that duration during which at least one frame was stylized.
        times_real_time: Duration of the frames made in this call when they are played, divided by the time to make
            them; None if all were made before.
        notes: What a person should know about the clip.
    """

    frames: int
    resumed_frames: int
    seconds: float
    stylize_seconds: float
    times_real_time: float | None
    notes: list[str]

    @property
    def frames_per_s(self) -> float | None:
        """Frames made in this call per second of it; None if all were made before."""
        made = self.frames - self.resumed_frames
        return made / self.seconds if made and self.seconds else None


@dataclass(frozen=True, slots=True)
class _Stylized:
    """A frame on its way to the encoder; with the stylizer's state after it, if it is the last one of a segment."""

    frame: ClipFrame
    state: State | None


class _Segment:
    """Takes the frames of one segment from the frames of a clip."""

    def __init__(self, first: _Stylized, others: Iterator[_Stylized], length: int) -> None:
        self._next: _Stylized | None = first
        self._others, self.length = others, length
        self.count, self.last_index, self.last_time = 0, -1, 0
        self.state: State | None = None

    def frames(self) -> Iterator[ClipFrame]:
        """Yield the frames, as many as a segment has or fewer at the end of the clip."""
        while self._next is not None:
            item, self._next = self._next, None
            self.count += 1
            self.last_index, self.last_time, self.state = item.frame.index, item.frame.time, item.state
            yield item.frame
            if self.count < self.length:
                self._next = next(self._others, None)


class ClipJob:
    """The work on one clip whose work folder is open.

    Args:
        stylizer: Any stylizer.
        facts: What the clip is.
        out: The output.
        settings: How the clip is stylized.
        video: How the output is encoded.
        work: The work folder.
        origin: Note that the output bears.
        on_progress: Called from time to time.
        queue_frames: Number of frames that may wait between two threads.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        facts: ClipFacts,
        out: Path,
        *,
        settings: ClipSettings,
        video: VideoSettings,
        work: WorkFolder,
        origin: str,
        on_progress: Callable[[ClipProgress], None],
        queue_frames: int = QUEUE_FRAMES,
    ) -> None:
        self._facts, self._out, self._settings = facts, out, settings
        self._video, self._work, self._origin, self._queue_frames = video, work, origin, queue_frames
        self._painter = Painter(stylizer, facts, settings)
        self._steady = self._painter.steady
        if (state := work.last_state()) is not None:
            self._steady.restore(state)
        self._notes = list(work.notes)
        self._resumed_frames = work.frames
        self._meter = ClipMeter(facts, settings, work.frames, on_progress)
        self._is_interrupted = self._is_urgent = False
        self._unfinished: _Segment | None = None
        self._stylized = 0

    def run(self, notes: Sequence[str]) -> ClipReport:
        """Make the output.

        Args:
            notes: What a person should know before.

        Raises:
            DataError: The clip cannot be read, or the output cannot be written. Finished segments stay in the work
                folder.
            ClipInterrupted: Ctrl-C was pressed. What was done is in the work folder, and, unless Ctrl-C was pressed
                again, in a playable file.
        """
        started = time.perf_counter()
        for note in notes:
            self._add_note(note)
        try:
            self._make_segments()
            if not self._work.segments:
                raise DataError(f"{self._facts.path}: has no frames in the part to stylize: check --start and --end")
            self._join(self._out)
        except KeyboardInterrupt:
            partial, done = None, self._work.frames + self._unfinished_frames
            # Whoever pressed Ctrl-C wants an end in any case, and at once if it was pressed again.
            with contextlib.suppress(Pix2StyleError, OSError, KeyboardInterrupt):
                partial = None if self._is_urgent else self._leave_partial()
            raise ClipInterrupted(partial, done, self._work.frames) from None
        remove_partial(self._out, self._work.partial)
        self._work.remove()
        return ClipReport(
            self._work.frames,
            self._resumed_frames,
            time.perf_counter() - started,
            self._painter.time.seconds,
            self._meter.times_real_time,
            self._notes,
        )

    def _make_segments(self) -> None:
        with WriteBehind(self._encode, self._queue_frames) as writer:
            try:
                with (
                    ReadAhead(self._follow, self._queue_frames) as reader,
                    self._painter.paint(iter(reader)) as painted,
                ):
                    for item in painted:
                        writer.put(self._finish(item))
                writer.finish()
            except KeyboardInterrupt:
                self._is_interrupted = self._is_urgent = True
                with contextlib.suppress(Pix2StyleError, OSError):
                    writer.finish()  # a second Ctrl-C ends this
                self._is_urgent = False
                raise

    def _follow(self) -> Iterator[FollowedFrame]:
        """Decode the frames and follow their motion: runs in the thread that reads."""
        frames = read_frames(
            self._facts,
            start_s=self._settings.start_s,
            end_s=self._settings.end_s,
            max_side_px=self._settings.max_side_px,
            first=self._work.next_index,
            first_time=self._work.next_time,
            on_note=self._add_note,
        )
        with contextlib.closing(frames):  # type: ignore[type-var]
            for frame in frames:
                yield FollowedFrame(frame, self._steady.follow(frame.rgb))

    def _finish(self, item: PaintedFrame) -> _Stylized:
        """Finish a frame: runs in the caller's thread."""
        with self._painter.time.measure():
            rgb = self._steady.finish(item.frame.rgb, item.plan, item.painted, item.frame.alpha)
        self._meter.count(item.frame.time)
        self._stylized += 1
        is_last = self._stylized % self._settings.segment_frames == 0
        return _Stylized(replace(item.frame, rgb=rgb), self._steady.state() if is_last else None)

    def _encode(self, items: Iterator[_Stylized]) -> None:
        """Encode the frames segment by segment: runs in the thread that writes."""
        while (first := next(items, None)) is not None:
            segment = _Segment(first, items, self._settings.segment_frames)
            self._unfinished = segment
            encode_segment(segment.frames(), self._work.next_path(), self._video)
            if self._is_interrupted and segment.count < segment.length:
                return
            self._work.commit(
                frames=segment.count,
                last_index=segment.last_index,
                last_time=segment.last_time,
                state=segment.state,
                notes=self._notes,
            )
            self._unfinished = None

    def _add_note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)

    @property
    def _unfinished_frames(self) -> int:
        """Frames of a segment that was ended early. There are none if it could not be written."""
        return self._unfinished.count if self._unfinished and self._work.next_path().is_file() else 0

    def _join(self, out: Path, end_s: float | None = None) -> None:
        """Write all segments, with sound and subtitles, into a file that has its name only when it is complete.

        It is written in the work folder, so that a program that is killed leaves nothing elsewhere.
        """
        is_partial = out != self._out
        unfinished = [self._work.next_path()] if is_partial and self._unfinished_frames else []
        joined = self._work.path / f"joined{out.suffix}"
        notes = join_segments(
            [*self._work.paths, *unfinished],
            self._facts,
            joined,
            self._video,
            start_s=self._settings.start_s,
            end_s=self._settings.end_s if end_s is None else end_s,
            origin=None if is_partial else self._origin,
            metadata=self._settings.metadata,
        )
        for note in notes:
            self._add_note(note)
        joined.replace(out)

    def _leave_partial(self) -> Path | None:
        """Write what was done into a playable file beside the output; return None if nothing was done."""
        if not self._work.frames + self._unfinished_frames:
            if self._work.partial is None:  # else it says which playable file an earlier call has left
                self._work.remove()
            return None
        path = self._partial_path()
        last = self._unfinished if self._unfinished and self._unfinished_frames else self._work.segments[-1]
        self._join(path, self._facts.seconds_of(last.last_time) + float(1 / self._facts.frame_rate))
        self._work.set_partial(path)
        return path

    def _partial_path(self) -> Path:
        """Return the path of the playable file: of a free name, or of the one that an earlier call has left."""
        stem, number = f"{self._out.stem}.partial", 1
        path = self._out.with_name(stem + self._out.suffix)
        while os.path.lexists(path) and not self._work.owns(path):
            number += 1
            path = self._out.with_name(f"{stem}-{number}{self._out.suffix}")
        return path
