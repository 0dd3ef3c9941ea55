"""Find out which frames of a clip are damaged, and say it in few words."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MOST_NOTES = 20


class DamageReport:
    """Collects damaged frames and says runs of them in one note each, with their numbers and times.

    Args:
        time_base_s: Unit of the times.
        begin_s: Time from which the times in notes count.
        on_note: Called with each note.
    """

    def __init__(self, time_base_s: Fraction, begin_s: Fraction, on_note: Callable[[str], None]) -> None:
        self._time_base_s, self._begin_s, self._on_note = time_base_s, begin_s, on_note
        self._run: list[tuple[int, int]] = []
        self._notes = 0
        self._unsaid = 0

    def add(self, number: int, time: int) -> None:
        """Add a frame that is left out; numbers count from 0."""
        if self._run and number != self._run[-1][0] + 1:
            self.flush()
        self._run.append((number, time))

    def flush(self) -> None:
        """Say the run of damaged frames that has ended."""
        if not self._run:
            return
        (first, begin), (last, end) = self._run[0], self._run[-1]
        self._run = []
        if self._notes == _MOST_NOTES:
            self._unsaid += last - first + 1
            return
        self._notes += 1
        if first == last:
            self._on_note(f"frame {first + 1} ({self._seconds(begin)} s) is damaged: left out")
        else:
            times = f"{self._seconds(begin)} to {self._seconds(end)} s"
            self._on_note(f"frames {first + 1} to {last + 1} ({times}) are damaged: left out")

    def end(self) -> None:
        """Say what is left to say."""
        self.flush()
        if self._unsaid:
            self._on_note(f"{self._unsaid} more frames are damaged: left out")
            self._unsaid = 0

    def _seconds(self, time: int) -> str:
        return f"{float(time * self._time_base_s - self._begin_s):.3f}"


class ExpectedTimes:
    """Compares the times of packets with those of the frames that come out.

    Decoders work on several frames at once and in another order than they are shown. Which frame an error is about is
    seen by the presentation time that is missing afterwards.

    Args:
        key_time: Presentation time of the key frame in the middle of the clip with which the packets begin; None if
            they begin with the clip.

    Attributes:
        is_sought: Whether the packets begin in the middle of the clip.
        misses_key_frame: Whether the key frame has not come out, as long as it has not, or at all.
        is_at_first_frame: Whether no frame has come out yet.
    """

    def __init__(self, key_time: int | None = None) -> None:
        self.is_sought = key_time is not None
        self.misses_key_frame = self.is_sought
        self.is_at_first_frame = True
        self._key_time = key_time
        self._expected: list[int] = []
        self._corrupt: set[int] = set()
        self._errors = 0

    def add_packet(self, packet: Packet[VideoStream], time: int | None) -> None:
        """Note a packet that goes into the decoder, and its presentation time if that is known."""
        if packet.size and time is not None and not packet.is_discard:
            heapq.heappush(self._expected, time)
            if packet.is_corrupt:
                self._corrupt.add(time)

    def add_error(self) -> None:
        """Note an error of the decoder."""
        self._errors += 1

    def before(self, time: int) -> list[int]:
        """Return the times before that of a frame that came out at which none came."""
        missing = []
        while self._expected and self._expected[0] <= time:
            expected = heapq.heappop(self._expected)
            if expected < time:
                missing.append(expected)
        self.is_at_first_frame = False
        self.misses_key_frame = self.misses_key_frame and time != self._key_time
        return missing

    def is_before_key_frame(self, time: int) -> bool:
        """Return whether a frame is shown before the key frame, so that it may build on frames before that."""
        return self._key_time is not None and time < self._key_time

    def rest(self) -> list[int]:
        """Return the times at which no frame came until the end."""
        return [heapq.heappop(self._expected) for _ in range(len(self._expected))]

    def damaged(self, missing: list[int]) -> list[int]:
        """Return those of the missing times that are damaged frames.

        Some packets hold no frame that is shown, or half of one, without an error.
        """
        damaged = missing if self._errors else [time for time in missing if time in self._corrupt]
        self._errors = max(0, self._errors - len(damaged))
        return damaged

    def is_damaged(self, frame: VideoFrame, time: int) -> bool:
        """Return whether a frame that came out shows damage: a part is missing that the decoder has filled."""
        return bool(frame.is_corrupt) or time in self._corrupt
