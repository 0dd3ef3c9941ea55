"""Find where the clock of a clip starts again, and give packets the times of one clock that goes on.

Recordings of transport and programme streams are put together by appending the files, and those of receivers and
camcorders consist of such parts. FFmpeg's demuxers give the times as they are.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pix2style.video.clip import ClockRestarts
from pix2style.video.container import open_container
from pix2style.video.packets import packets_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

_TIMES_MAY_JUMP = 0x200  # `AVFMT_TS_DISCONT`
# As in the program `ffmpeg`. Times that are computed from few stated ones go back a little without a restart.
_LEAST_STEP_BACK_S = Fraction(1, 10)
_LEAST_STEP_FORWARD_S = 10
_LONGEST_DELAY_S = 10
# Parsers keep a packet back, so that it may be one before the last that FFmpeg takes for damaged.
_PACKETS_AT_A_JOINT = 2


def may_restart(container: InputContainer) -> bool:
    """Return whether the clock of a clip counts from anywhere, and may start again: transport streams and the like."""
    return bool(container.format.flags & _TIMES_MAY_JUMP)


def find_restarts(path: Path) -> ClockRestarts:
    """Find where the clock of a clip starts again, by reading all of its packets.

    Raises:
        ClipError: The file cannot be read.
    """
    entry = path.stat()
    return _find_restarts(path.absolute(), entry.st_size, entry.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _find_restarts(path: Path, _size: int, _changed_ns: int) -> ClockRestarts:
    with open_container(path) as container:
        streams = [stream for stream in container.streams if stream.type in ("video", "audio")]
        finder = _Finder()
        for packet in packets_of(container, streams, lambda _note: None):
            if packet.size and packet.dts is not None and packet.time_base is not None:
                finder.add(packet)
    return finder.restarts()


class _Row(NamedTuple):
    """A packet: its place in the file, when it is decoded, and from when to when it is shown."""

    position: int
    decoded: int
    shown: int
    duration: int


class _Track:
    """A video or sound track, with times in its own unit.

    Attributes:
        spans: For each part of the clip with a clock of its own, the first and the last moment at which it is shown.
        last: Its last packet.
        suspect: The packet after it, if its time jumps. Only the next one tells whether the clock started again, or a
            single time is wrong.
        joint: Places of the last packets.
    """

    def __init__(self, time_base: Fraction) -> None:
        self.time_base = time_base
        self._back, self._forward = round(_LEAST_STEP_BACK_S / time_base), round(_LEAST_STEP_FORWARD_S / time_base)
        self._delay = 0
        self.spans: dict[int, tuple[int, int]] = {}
        self.last: _Row | None = None
        self.suspect: _Row | None = None
        self.joint: deque[int] = deque(maxlen=_PACKETS_AT_A_JOINT)

    def row(self, packet: Packet[Stream]) -> _Row:
        before = self.suspect or self.last
        position = packet.pos if packet.pos is not None else before.position if before else 0
        decoded = packet.dts or 0
        if _is_plausible(packet) and packet.pts is not None:
            self._delay = packet.pts - decoded
            return _Row(position, decoded, packet.pts, packet.duration or 0)
        return _Row(position, decoded, decoded + self._delay, packet.duration or 0)

    def jumps(self, before: _Row, row: _Row) -> bool:
        end = before.decoded + before.duration
        return row.decoded < before.decoded - self._back or row.decoded > end + self._forward

    def count(self, row: _Row, part: int) -> None:
        begin, end = self.spans.get(part, (row.shown, row.shown))
        self.spans[part] = min(begin, row.shown), max(end, row.shown + row.duration)
        self.last = row
        self.joint.append(row.position)

    def step_s(self, part: int) -> Fraction | None:
        """Return what the next part lacks to begin where this one ends; None if the track is not in both."""
        if part not in self.spans or part + 1 not in self.spans:
            return None
        return (self.spans[part][1] - self.spans[part + 1][0]) * self.time_base


def _is_plausible(packet: Packet[Any]) -> bool:
    """Return whether a packet is shown not before it is decoded, and not long after."""
    if packet.pts is None or packet.dts is None:
        return True
    return 0 <= packet.pts - packet.dts <= _LONGEST_DELAY_S / packet.time_base


class _Finder:
    """Finds restarts from the packets of a clip in the order of the demuxer.

    A demuxer gives a packet when it is complete, so that the first ones behind a restart come before the last ones of
    other tracks. So a packet belongs to the part in which its place in the file is.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._positions: list[int] = []
        self._joints: set[int] = set()

    def add(self, packet: Packet[Stream]) -> None:
        """Add a packet with a decode time."""
        track = self._tracks.setdefault(packet.stream_index, _Track(packet.time_base))
        row = track.row(packet)
        if track.suspect is not None and not track.jumps(track.suspect, row):
            self._restart(track, track.suspect.position)
            track.count(track.suspect, self._part(track.suspect))
            track.suspect = None
        last, track.suspect = track.last, None
        if last is not None and self._part(last) == self._part(row) and track.jumps(last, row):
            track.suspect = row
        else:
            track.count(row, self._part(row))

    def restarts(self) -> ClockRestarts:
        """Return what was found."""
        positions, offsets_s, offset_s = [], [], Fraction(0)
        for part, position in enumerate(self._positions):
            # No track may overlap. Where another track goes on, as sound over a picture that stands still, all do.
            steps_s = [step_s for track in self._tracks.values() if (step_s := track.step_s(part)) is not None]
            step_s = max(steps_s, default=Fraction(0))
            if abs(step_s) >= _LEAST_STEP_BACK_S:
                offset_s += step_s
                positions.append(position)
                offsets_s.append(offset_s)
        if not positions:
            return ClockRestarts()
        last = len(self._positions)
        ends_s = [track.spans[last][1] * track.time_base for track in self._tracks.values() if last in track.spans]
        return ClockRestarts(
            tuple(positions), tuple(offsets_s), frozenset(self._joints), max(ends_s) + offset_s if ends_s else None
        )

    def _part(self, row: _Row) -> int:
        return bisect_right(self._positions, row.position)

    def _restart(self, track: _Track, position: int) -> None:
        """Note a restart, unless another track has met it at its own next packet; it is where it is met first."""
        part = bisect_right(self._positions, position)
        self._positions[part : part + 1] = [position]
        self._joints.update(track.joint)


class JoinedClock:
    """Gives packets the times of one clock that goes on where the clip's own clock starts again.

    Args:
        restarts: Where that is.
    """

    def __init__(self, restarts: ClockRestarts) -> None:
        self._restarts = restarts
        self._last: dict[int, int] = {}

    def mend(self, packet: Packet[Any]) -> None:
        """Change the times of a packet as it comes from the demuxer."""
        if not self._restarts.positions or packet.time_base is None or not packet.size:
            return
        # Of several packets that were read as one, the first one has a place.
        position = packet.pos if packet.pos is not None else self._last.get(packet.stream_index, 0)
        self._last[packet.stream_index] = position
        if position in self._restarts.joints:
            # FFmpeg says so because the counter of packets does not go on. A decoder notices real damage.
            packet.is_corrupt = False
        part = bisect_right(self._restarts.positions, position)
        decoded_in = shown_in = self._offset(part, packet.time_base)
        if part < len(self._restarts.positions) and not _is_plausible(packet):
            # In programme streams FFmpeg computes when frames are shown from when the next ones are decoded, which may
            # follow the next clock already.
            shown_in = self._offset(part + 1, packet.time_base)
        packet.dts = None if packet.dts is None else packet.dts + decoded_in
        packet.pts = None if packet.pts is None else packet.pts + shown_in

    def _offset(self, part: int, time_base: Fraction) -> int:
        return round(self._restarts.offsets_s[part - 1] / time_base) if part else 0
