"""Compute the times of packets over all segments of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PacketTimes:
    """Times of all packets of a clip in the order of decoding, in units of the clip's time base.

    Attributes:
        shown: When each frame is shown.
        decoded: When each packet is decoded.
        durations: How long each frame is shown.
        first: When the first frame of the clip is shown.
        end: When the last frame of the clip ends.
    """

    shown: Int64s
    decoded: Int64s
    durations: Int64s
    first: int
    end: int


def packet_times(times: Int64s, places: Int64s, last_duration: int) -> PacketTimes:
    """Return the times of all packets.

    Decode times are the ascending presentation times, delayed by the largest number of places by which an encoder moved
    a frame. So they ascend over the borders of segments, and no frame is shown before it is decoded. Before the first
    presentation time lie as many durations as the delay takes from the end. So the decode times, of which MP4 computes
    the duration of the track, span exactly the duration of the clip.

    Args:
        times: Presentation times of all frames in the order of presentation.
        places: For each packet, in the order of decoding, the number of its frame in the order of presentation.
        last_duration: Duration of the last frame.
    """
    count = np.arange(len(times))
    times = np.maximum.accumulate(times - count) + count  # strictly ascending, as all containers demand
    durations = np.diff(times, append=times[-1] + last_duration)
    delay = int(np.max(count - places))
    decoded = np.concatenate((_run_up(times, durations, places, delay), times[: len(times) - delay]))
    if np.any(times[places[: delay + 1]] - decoded[: delay + 1] < times[0] - decoded[0]):
        # FFmpeg's reader takes the smallest distance between decoding and showing among the packets up to time 0 for
        # that of the first one. So the others are decoded right after the first one, and no other at time 0.
        decoded[:delay] = decoded[0] + count[:delay]
        if len(times) > 1 and times[1] > times[0] + 1:
            decoded[delay] += 1
    return PacketTimes(times[places], decoded, durations[places], int(times[0]), int(times[-1] + last_duration))


def _run_up(times: Int64s, durations: Int64s, places: Int64s, delay: int) -> Int64s:
    """Return the decode times before the first presentation time.

    They are as far apart as the last frames, without the one that is decoded last.
    """
    begin = len(times) - 1 - delay
    last = np.delete(durations[begin:], places[-1] - begin)
    return np.asarray(times[0] - np.cumsum(last[::-1])[::-1], np.int64)
