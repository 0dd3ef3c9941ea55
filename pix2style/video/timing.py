"""Compute the times of packets over all segments of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pix2style.video.segments import SegmentFacts
from pix2style.video.settings import VideoSettings


@dataclass(frozen=True, slots=True)
class PacketTimes:
    """Times of a packet in units of the clip's time base.

    Attributes:
        shown: When the frame is shown.
        decoded: When the packet is decoded.
        duration: How long the frame is shown.
        first: When the first frame of the clip is shown.
        end: When the last frame of the clip ends.
    """

    shown: int
    decoded: int
    duration: int
    first: int
    end: int


def decode_times(segments: Sequence[SegmentFacts], settings: VideoSettings) -> list[PacketTimes]:
    """Return the times of all packets in the order of decoding.

    Decode times are the ascending presentation times, delayed by the largest number of places by which an encoder
    moved a frame. So they ascend over the borders of segments, and no frame is shown before it is decoded.
    """
    shown = [time for segment in segments for time in segment.times]
    usual = max(1, round(1 / settings.frame_rate / settings.time_base_s))
    last = segments[-1].last_duration or usual
    ends = [*shown[1:], shown[-1] + last]
    places, begin = [], 0
    for segment in segments:
        places += [begin + packet.frame for packet in segment.packets]
        begin += len(segment.times)
    delay = max(position - place for position, place in enumerate(places))
    step = ends[0] - shown[0]
    before = [shown[0] - step * number for number in range(delay, 0, -1)]
    decoded = before + shown
    return [
        PacketTimes(shown[place], decoded[position], ends[place] - shown[place], shown[0], ends[-1])
        for position, place in enumerate(places)
    ]
