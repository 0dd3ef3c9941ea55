"""Decode a clip's frames with their times, leaving out damaged ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pix2style.errors import ClipError
from pix2style.plural import counted
from pix2style.video.clip import ClipFacts
from pix2style.video.container import make_decoder
from pix2style.video.damage import DamageReport, ExpectedTimes
from pix2style.video.frame_clock import FrameClock
from pix2style.video.seek import opened_at

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    TimedFrame = tuple[VideoFrame, int]


class _DamagedAfterSeekError(Exception):
    """Something is damaged behind the key frame from which decoding began.

    How a decoder fills what is damaged depends on the frames before, so that decoding from the beginning gives others.
    """


class _DamagedInParallelError(Exception):
    """Something is damaged, and the decoder works on several frames at once.

    What it then fills damaged parts with depends on how far the other frames are at that moment, so that frames that
    build on them differ from run to run. It also gives none of the last frames if one of them is damaged.
    """


class FrameDecoder:
    """Decodes frames in the order of their times.

    Args:
        facts: The clip.
        since: Frames before this time are left out, except the last of them; None for all. The clip is read from the
            key frame before it.
        number: Number of the first frame.
        known: A time at which a frame was there when the clip was read before; None if it was not.
        on_note: Called with what a person should know.
    """

    def __init__(
        self,
        facts: ClipFacts,
        *,
        since: int | None = None,
        number: int = 0,
        known: int | None = None,
        on_note: Callable[[str], None],
    ) -> None:
        self._facts = facts
        self._since = since
        self._number = number
        self._known = known
        self._is_one_before_done = False
        self._before: TimedFrame | None = None
        self._on_note = on_note
        self._damage = DamageReport(facts.time_base_s, facts.begin_s, on_note)
        self._step = max(1, round(1 / (facts.frame_rate * facts.time_base_s)))
        self._last: int | None = None
        self._last_seen: int | None = None
        self._disordered = 0

    def frames(self) -> Iterator[TimedFrame]:
        """Yield the frames and their presentation times, which ascend.

        Raises:
            ClipError: The file cannot be read, or ends before the frame from which to go on.
        """
        may_seek, is_parallel = True, True
        while True:
            try:
                yield from self._decode(may_seek=may_seek, is_parallel=is_parallel)
                break
            except _DamagedAfterSeekError:
                may_seek = False
            except _DamagedInParallelError:
                is_parallel = False
            self._since = self._since if self._last is None else self._last + 1
        yield from self._one_before()
        if self._known is not None and (self._last_seen is None or self._last_seen < self._known):
            raise ClipError(str(self._facts.path), "ends before the frame from which to go on: the file has changed")
        self._damage.end()
        if self._disordered:
            self._on_note(f"{counted(self._disordered, 'frame')} not later than the ones before: left out")

    def _decode(self, *, may_seek: bool, is_parallel: bool) -> Iterator[TimedFrame]:
        """Yield the frames from the time `_since` on."""
        from av.error import FFmpegError

        path = self._facts.path
        self._before = None
        with opened_at(self._facts, self._since if may_seek else None, self._on_note) as opened:
            decoder = make_decoder(opened.stream, path, is_parallel=is_parallel)
            expected = ExpectedTimes(opened.key_time)
            clock = FrameClock(self._step, is_guessed=opened.has_guessed_times)
            for packet in opened.packets:
                expected.add_packet(packet, clock.packet_time(packet))
                try:
                    frames = decoder.decode(packet)
                except EOFError:
                    break
                except FFmpegError as error:
                    if isinstance(error, MemoryError):
                        raise ClipError(str(path), "needs more memory than there is: make it smaller first") from error
                    if expected.is_sought:
                        raise _DamagedAfterSeekError from error
                    if is_parallel:
                        raise _DamagedInParallelError from error
                    expected.add_error()
                    continue
                for frame in frames:
                    self._last_seen = time = clock.frame_time(frame)
                    if self._is_sound(frame, time, expected, is_parallel=is_parallel):
                        self._damage.flush()
                        self._number += 1
                        self._last = time
                        yield from self._one_before()
                        yield frame, time
            if expected.misses_key_frame:
                raise _DamagedAfterSeekError
            damaged = expected.damaged(expected.rest())
            if damaged and is_parallel:
                raise _DamagedInParallelError
            self._add_damaged(damaged)

    def _one_before(self) -> Iterator[TimedFrame]:
        """Yield the last frame before the time `_since`, unless that is done."""
        before, self._before = self._before, None
        if before and not self._is_one_before_done:
            yield before
        self._is_one_before_done = True

    def _is_sound(self, frame: VideoFrame, time: int, expected: ExpectedTimes, *, is_parallel: bool) -> bool:
        """Return whether a frame is to be yielded, and note which ones are missing before it."""
        is_first = expected.is_at_first_frame
        missing = expected.before(time)
        damaged = expected.damaged(missing)
        is_damaged = expected.is_damaged(frame, time)
        if expected.is_before_key_frame(time):
            return False
        if expected.is_sought and (expected.misses_key_frame or damaged or is_damaged):
            raise _DamagedAfterSeekError
        if is_parallel and (damaged or is_damaged):
            raise _DamagedInParallelError
        self._add_damaged(damaged)
        if is_first and missing and not damaged and self._since is None:
            count = counted(len(missing), "frame")
            self._on_note(f"begins with {count} that build on a part of the clip that the file does not hold: left out")
        if self._since is not None and time < self._since:
            if not is_damaged and (self._before is None or time > self._before[1]):
                self._before = frame, time
            return False
        if self._last is not None and time <= self._last:
            self._disordered += 1
            return False
        self._add_damaged([time] if is_damaged else [])
        return not is_damaged

    def _add_damaged(self, times: list[int]) -> None:
        for time in times:
            if (self._since is None or time >= self._since) and (self._last is None or time > self._last):
                self._damage.add(self._number, time)
                self._number += 1
