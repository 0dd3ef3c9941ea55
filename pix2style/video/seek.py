"""Read the packets of a clip, from its beginning or from the key frame before a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from pix2style.video.clip import ClipFacts
from pix2style.video.clock_restarts import JoinedClock
from pix2style.video.container import open_container, video_stream
from pix2style.video.frame_clock import has_guessed_times
from pix2style.video.packets import packets_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

# In formats without an index a place near the time is found only, so that it is sought from earlier times, too.
_MARGINS_S = (0, 2, 10, 60)
# Packets that are read from a place in the middle of these get other times than if all are read: programme streams hold
# times for some frames only, and raw streams none.
_FORMATS_WITHOUT_PLACES = ("mpeg", "h264", "hevc", "m4v", "mpegvideo", "vc1")
_MOST_PACKETS_TO_KEY_FRAME = 1000


@dataclass(frozen=True, slots=True)
class OpenedStream:
    """The video of a clip that is being read.

    Attributes:
        stream: The stream.
        packets: Its packets, and at the end an empty one, which makes a decoder give its last frames.
        key_time: Presentation time of the key frame at which the packets begin; None if they are all packets.
        has_guessed_times: Whether the presentation times of packets and frames cannot be relied on.
    """

    stream: VideoStream
    packets: Iterator[VideoPacket]
    key_time: int | None
    has_guessed_times: bool


@contextmanager
def opened_at(facts: ClipFacts, time: int | None, on_note: Callable[[str], None]) -> Iterator[OpenedStream]:
    """Open the video of a clip.

    Args:
        facts: The clip.
        time: Presentation time, in units of the stream's time base, before which to begin: at the key frame before it
            if that is found by a time that can be relied on, else at the beginning. None to begin at the beginning.
        on_note: Called if the file is so damaged that its end cannot be read.

    Raises:
        ClipError: The file cannot be read.
    """
    path = facts.path
    # FFmpeg seeks by the times of the clip's own clock, of which there may be several.
    if time is not None and not facts.restarts.positions:
        with open_container(path) as container:
            stream = video_stream(container, path)
            sought = _sought(container, stream, time, on_note)
            if sought is not None:
                yield sought
                return
    with open_container(path) as container:
        stream = video_stream(container, path)
        packets = _mended(packets_of(container, [stream], on_note), JoinedClock(facts.restarts))
        yield OpenedStream(stream, packets, None, has_guessed_times(container, stream))


def _mended(packets: Iterator[VideoPacket], clock: JoinedClock) -> Iterator[VideoPacket]:
    for packet in packets:
        clock.mend(packet)
        yield packet


def _sought(
    container: InputContainer, stream: VideoStream, time: int, on_note: Callable[[str], None]
) -> OpenedStream | None:
    """Return a stream from a key frame on that is shown before a time; None if no such one is found."""
    from av.error import FFmpegError

    if has_guessed_times(container, stream) or container.format.name in _FORMATS_WITHOUT_PLACES:
        return None
    for margin_s in _MARGINS_S:
        try:
            container.seek(time - 1 - round(margin_s / (stream.time_base or Fraction(1, 1000))), stream=stream)
        except (FFmpegError, OverflowError):
            return None
        packets = packets_of(container, [stream], on_note)
        key = _next_key_packet(packets)
        if key is not None and key.pts is not None and key.pts < time:
            return OpenedStream(stream, _chained(key, packets), key.pts, has_guessed_times=False)
    return None


def _next_key_packet(packets: Iterator[VideoPacket]) -> VideoPacket | None:
    for number, packet in enumerate(packets):
        if packet.is_keyframe and packet.size:
            return packet
        if number == _MOST_PACKETS_TO_KEY_FRAME:
            break
    return None


def _chained(first: VideoPacket, others: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    yield first
    yield from others
