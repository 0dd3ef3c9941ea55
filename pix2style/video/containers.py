"""The containers that clips are written to: their codecs, and the options of FFmpeg's writers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from pix2style.light_dataclass import dataclass

_SMALLEST_SCALE = 10_000  # ticks per second
_LARGEST_SCALE = 2**31 - 1
MICROSECOND = Fraction(1, 1_000_000)


@dataclass(frozen=True, slots=True)
class VideoContainer:
    """A container for clips.

    Attributes:
        suffix: Suffix of its files.
        muxer: FFmpeg's name of what writes it.
        codecs: Codecs that it holds, the default first.
        alpha_codec: The default for transparent clips; None if no player expects transparency in it.
        is_mp4: Whether it is MP4 or QuickTime, which keep times exactly and turn frames as they are told.
    """

    suffix: str
    muxer: str
    codecs: tuple[str, ...]
    alpha_codec: str | None
    is_mp4: bool


CONTAINERS = {
    container.suffix: container
    for container in (
        VideoContainer(".mp4", "mp4", ("h264", "hevc", "av1", "vp9", "mpeg4"), None, is_mp4=True),
        VideoContainer(".m4v", "mp4", ("h264", "hevc", "mpeg4"), None, is_mp4=True),
        VideoContainer(".mov", "mov", ("h264", "hevc", "prores", "qtrle", "mpeg4"), "prores", is_mp4=True),
        VideoContainer(
            ".mkv", "matroska", ("h264", "hevc", "av1", "vp9", "ffv1", "prores", "mpeg4"), "vp9", is_mp4=False
        ),
        VideoContainer(".webm", "webm", ("vp9", "av1"), "vp9", is_mp4=False),
    )
}


def stored_time_base(container: VideoContainer, time_base_s: Fraction) -> Fraction:
    """Return the unit in which times are handed to the container: that of the clip, unless it is too fine for MP4."""
    if container.is_mp4 and time_base_s.denominator > _LARGEST_SCALE:
        return MICROSECOND
    return time_base_s


def muxer_options(container: VideoContainer, time_base_s: Fraction, sample_rates: Iterable[int]) -> dict[str, str]:
    """Return options of the writer: exact times, the index in front, and neither dates nor random identifiers.

    Args:
        container: The container.
        time_base_s: Unit of the frame times.
        sample_rates: Sample rates of the sound tracks.
    """
    # Sound begins before time 0 where its encoder needs a run-up. Matroska's writer would move all tracks for it.
    if not container.is_mp4:
        return {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    video = time_base_s.denominator
    while video < _SMALLEST_SCALE:
        video *= 2
    # In this unit MP4 says when a track begins: it has to suit frames and sound.
    common = math.lcm(video, *(rate for rate in sample_rates if rate > 0))
    return {
        "fflags": "+bitexact",
        "movflags": "+faststart",
        "video_track_timescale": str(video),
        "movie_timescale": str(common if common <= _LARGEST_SCALE else video),
    }
