"""The times at which frames are shown, also in files that do not hold them."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

# These hold the order of decoding only, from which FFmpeg guesses presentation times that need not ascend for these
# codecs: in which order frames are shown is not seen from single packets, or some packets hold no frame.
_FORMATS_WITHOUT_TIMES = {"avi", "asf"}
_REORDERING_CODECS = {"h264", "hevc", "vvc", "mpeg4"}


def has_guessed_times(container: InputContainer, stream: VideoStream) -> bool:
    """Return whether the presentation times that FFmpeg gives for a stream are wrong where frames are reordered."""
    formats = set(container.format.name.split(","))
    return bool(formats & _FORMATS_WITHOUT_TIMES) and stream.codec_context.codec.canonical_name in _REORDERING_CODECS


class FrameClock:
    """Gives the presentation times of packets and of the frames that come out of a decoder.

    Args:
        step: Time from a frame to the next where none are known.
        is_guessed: Whether presentation times are guessed, so that decoding times are used: frames come out in the
            order in which they are shown, one for each packet, so that the first has the time of the first packet.
    """

    def __init__(self, step: int, *, is_guessed: bool) -> None:
        self._step = step
        self._is_guessed = is_guessed
        self._decode_times: list[int] = []
        self._delay: int | None = None
        self._place = -1
        self._last: int | None = None

    def packet_time(self, packet: VideoPacket) -> int | None:
        """Note a packet that goes into the decoder, and return its presentation time; None if it is not known."""
        if not self._is_guessed:
            return packet.pts
        if packet.size and packet.dts is not None and (not self._decode_times or packet.dts > self._decode_times[-1]):
            self._decode_times.append(packet.dts)
        return packet.dts

    def frame_time(self, frame: VideoFrame) -> int:
        """Return the time of the next frame that has come out, also if it is not used."""
        self._last = self._time_in_order(frame) if self._is_guessed and self._decode_times else self._time_of(frame)
        return self._last

    def _time_of(self, frame: VideoFrame) -> int:
        if frame.pts is not None:
            return frame.pts
        if frame.dts is not None:
            return frame.dts
        return self._next()

    def _time_in_order(self, frame: VideoFrame) -> int:
        """Return the time of the packet that is as many packets before the one with which the frame came as at first.

        The last frames come after the last packet, and have no decoding time.
        """
        self._place += 1
        if frame.dts is not None:
            place = bisect_left(self._decode_times, frame.dts)
            if self._delay is None:
                self._delay = place
            self._place = max(self._place, place - self._delay)
        return self._decode_times[self._place] if self._place < len(self._decode_times) else self._next()

    def _next(self) -> int:
        return 0 if self._last is None else self._last + self._step
