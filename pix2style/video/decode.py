"""Decode a clip's frames with their times, leaving out damaged ones."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from pix2style.errors import ClipError
from pix2style.plural import counted
from pix2style.video.clip import ClipFacts
from pix2style.video.container import make_decoder
from pix2style.video.damage import DamageReport, ExpectedTimes
from pix2style.video.seek import opened_at

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    TimedFrame = tuple[VideoFrame, int]


class _MissedKeyFrameError(Exception):
    """The key frame from which decoding was to begin is damaged, or is none."""


class FrameDecoder:
    """Decodes frames in the order of their times.

    Args:
        facts: The clip.
        since: Frames before this time are left out; None for all. The clip is read from the key frame before it.
        number: Number of the first frame, for notes.
        on_note: Called with what a person should know.
    """

    def __init__(
        self, facts: ClipFacts, *, since: int | None = None, number: int = 0, on_note: Callable[[str], None]
    ) -> None:
        self._facts = facts
        self._since = since
        self._number = number
        self._on_note = on_note
        self._damage = DamageReport(facts.time_base_s, facts.begin_s, on_note)
        self._step = max(1, round(1 / (facts.frame_rate * facts.time_base_s)))
        self._last: int | None = None
        self._disordered = 0

    def frames(self) -> Iterator[TimedFrame]:
        """Yield the frames and their presentation times, which ascend."""
        may_seek, is_parallel, is_complete = True, True, False
        while not is_complete:
            try:
                is_complete = yield from self._decode(may_seek=may_seek, is_parallel=is_parallel)
            except _MissedKeyFrameError:
                may_seek, is_parallel = False, True
                continue
            is_parallel = False
            self._since = self._since if self._last is None else self._last + 1
        self._damage.end()
        if self._disordered:
            self._on_note(f"{counted(self._disordered, 'frame')} not later than the ones before: left out")

    def _decode(self, *, may_seek: bool, is_parallel: bool) -> Generator[TimedFrame, None, bool]:
        """Decode the clip from the time `_since` on.

        Returns:
            Whether all frames came. A decoder that works on several frames at once gives none of the last ones if one
            of them is damaged.
        """
        from av.error import FFmpegError

        path = self._facts.path
        with opened_at(path, self._since if may_seek else None, self._on_note) as opened:
            decoder = make_decoder(opened.stream, path, is_parallel=is_parallel)
            expected = ExpectedTimes()
            key_time, is_first = opened.key_time, True
            for packet in opened.packets:
                expected.add_packet(packet)
                try:
                    frames = decoder.decode(packet)
                except EOFError:
                    break
                except FFmpegError as error:
                    if isinstance(error, MemoryError):
                        raise ClipError(str(path), "needs more memory than there is: make it smaller first") from error
                    expected.add_error()
                    if not packet.size and is_parallel and key_time is None:
                        return False
                    continue
                for frame in frames:
                    time = self._time_of(frame)
                    missing = expected.before(time)
                    if key_time is not None and time >= key_time:
                        if time != key_time or expected.is_damaged(frame, time):
                            raise _MissedKeyFrameError
                        key_time = None
                    if is_first and missing and self._since is None:
                        self._say_leading(len(missing))
                    is_first = False
                    self._add_damaged(expected.damaged(missing))
                    if self._is_sound(frame, time, expected):
                        self._damage.flush()
                        self._number += 1
                        self._last = time
                        yield frame, time
            if key_time is not None:
                raise _MissedKeyFrameError
            self._add_damaged(expected.damaged(expected.rest()))
        return True

    def _time_of(self, frame: VideoFrame) -> int:
        if frame.pts is not None:
            return frame.pts
        if frame.dts is not None:
            return frame.dts
        return 0 if self._last is None else self._last + self._step

    def _is_before(self, time: int) -> bool:
        return self._since is not None and time < self._since

    def _say_leading(self, count: int) -> None:
        frames = counted(count, "frame", verb="is")
        self._on_note(f"the first {frames} left out: the file does not hold the part of the clip that they build on")

    def _add_damaged(self, times: list[int]) -> None:
        for time in times:
            if not self._is_before(time) and (self._last is None or time > self._last):
                self._damage.add(self._number, time)
                self._number += 1

    def _is_sound(self, frame: VideoFrame, time: int, expected: ExpectedTimes) -> bool:
        if self._is_before(time):
            return False
        if self._last is not None and time <= self._last:
            self._disordered += 1
            return False
        if expected.is_damaged(frame, time):
            self._add_damaged([time])
            return False
        return True
