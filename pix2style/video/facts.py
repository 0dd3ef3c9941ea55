"""Read what a clip is: size, times, colours, tracks."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.errors import ClipError, require
from pix2style.video.clip import ClipColour, ClipFacts
from pix2style.video.container import open_container, video_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_FULL_RANGE = 2
_HDR_TRANSFERS = (16, 18)
_UNKNOWN_FRAME_RATE = Fraction(25)
_MOST_PACKETS_TO_FIRST_FRAME = 500


def read_facts(path: Path) -> ClipFacts:
    """Read what a clip is from its headers and its first frame.

    Raises:
        ClipError: The file cannot be opened, is no clip, or holds no frame that can be decoded.
        MissingExtraError: PyAV is not installed.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        frame = _first_frame(container, stream, path)
        return _facts(path, container, stream, frame)


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    [av] = require("video", "av")
    for packet in itertools.islice(container.demux(stream), _MOST_PACKETS_TO_FIRST_FRAME):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        if frames:
            return frames[0]
    raise ClipError(str(path), "holds no frame that can be decoded: it is damaged")


def _facts(path: Path, container: InputContainer, stream: VideoStream, frame: VideoFrame) -> ClipFacts:
    duration_s = _duration_s(container, stream)
    rate = stream.average_rate or stream.guessed_rate or _UNKNOWN_FRAME_RATE
    components = frame.format.components
    return ClipFacts(
        path=path,
        width_px=frame.width,
        height_px=frame.height,
        rotation_deg=round(-frame.rotation / 90) * 90 % 360,
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        frames=stream.frames or (round(duration_s * rate) if duration_s else None),
        duration_s=duration_s,
        frame_rate=rate,
        time_base_s=stream.time_base or Fraction(1, 1000),
        bits=max(component.bits for component in components),
        has_alpha=any(component.is_alpha for component in components) or stream.metadata.get("alpha_mode") == "1",
        colour=ClipColour(
            frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj") or frame.format.is_rgb,
            frame.colorspace,
            frame.color_primaries,
            frame.color_trc,
        ),
        is_hdr=frame.color_trc in _HDR_TRANSFERS,
        sounds=len(container.streams.audio),
        subtitles=len(container.streams.subtitles),
    )


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else None
