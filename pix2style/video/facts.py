"""Read what a clip is: size, times, colours, tracks."""

from __future__ import annotations

import itertools
import math
import struct
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pix2style.errors import ClipError, require
from pix2style.images.hdr import HLG_PEAK_NITS, WHITE_NITS
from pix2style.video.clip import ClipColour, ClipFacts
from pix2style.video.clock_restarts import find_restarts, may_restart
from pix2style.video.colour import hdr_of
from pix2style.video.container import make_decoder, open_container, video_stream
from pix2style.video.pixels import GREY_FORMATS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_LIMITED_RANGE, _FULL_RANGE = 1, 2  # in `AVColorRange`
_UNKNOWN_FRAME_RATE = Fraction(25)
_MICROSECOND = Fraction(1, 1_000_000)
_MOST_PACKETS_TO_FIRST_FRAME = 2000
_PQ_PEAK_NITS = 10_000


def read_facts(path: Path) -> ClipFacts:
    """Read what a clip is from its headers and its first frame, and of transport streams and the like from all packets.

    Raises:
        ClipError: The file cannot be opened, is no clip, or holds no frame that can be decoded.
        MissingExtraError: PyAV is not installed.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        frame = _first_frame(container, stream, path)
        facts = facts_of(path, container, stream, frame)
        return _with_restarts(facts) if may_restart(container) else facts


def _with_restarts(facts: ClipFacts) -> ClipFacts:
    """Return the facts of a clip whose clock may start again: what FFmpeg says of its duration is wrong then."""
    restarts = find_restarts(facts.path)
    if restarts.end_s is None:
        return facts
    duration_s = float(restarts.end_s - facts.begin_s)
    frames = round(duration_s * facts.frame_rate)
    return replace(facts, restarts=restarts, duration_s=duration_s, frames=frames)


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    [av] = require("video", "av")
    decoder = make_decoder(stream, path)
    with suppress(av.error.FFmpegError):
        for packet in itertools.islice(container.demux(stream), _MOST_PACKETS_TO_FIRST_FRAME):
            with suppress(av.error.FFmpegError):
                if frames := decoder.decode(packet):
                    return frames[0]
    raise ClipError(str(path), "holds no frame that can be decoded: it is damaged, cut off or encrypted")


def facts_of(path: Path, container: InputContainer, stream: VideoStream, frame: VideoFrame) -> ClipFacts:
    """Return what a clip is that is open, and whose first frame is decoded."""
    duration_s = _duration_s(container, stream)
    rate = _fraction(stream.average_rate or stream.guessed_rate or _UNKNOWN_FRAME_RATE)
    components = frame.format.components
    rotation_deg, is_mirrored = _orientation(frame)
    colour = _colour(frame)
    return ClipFacts(
        path=path,
        width_px=frame.width,
        height_px=frame.height,
        rotation_deg=rotation_deg,
        pixel_aspect=_fraction(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1),
        frames=stream.frames or (round(duration_s * rate) if duration_s else None),
        duration_s=duration_s,
        frame_rate=rate,
        time_base_s=_fraction(stream.time_base or _MICROSECOND),
        bits=max(component.bits for component in components),
        has_alpha=any(component.is_alpha for component in components),
        colour=colour,
        is_hdr=bool(hdr_of(colour)),
        sounds=len(container.streams.audio),
        subtitles=len(container.streams.subtitles),
        begin_s=(container.start_time or 0) * _MICROSECOND,
        is_mirrored=is_mirrored,
        peak_nits=_peak_nits(frame) if hdr_of(colour) == "PQ" else HLG_PEAK_NITS,
    )


def _fraction(value: Fraction | int) -> Fraction:
    """Return a number of PyAV as a fraction; since version 19 it has a type of its own, with fewer operations."""
    return Fraction(value.numerator, value.denominator)


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float(container.duration * _MICROSECOND) if container.duration else None


def _colour(frame: VideoFrame) -> ClipColour:
    name = frame.format.name
    is_full = frame.color_range == _FULL_RANGE or name.startswith("yuvj") or frame.format.is_rgb
    # Files hold greys of the limited range only if they say so.
    is_full = is_full or (name.startswith(GREY_FORMATS) and frame.color_range != _LIMITED_RANGE)
    return ClipColour(is_full, frame.colorspace, frame.color_primaries, frame.color_trc)


def _orientation(frame: VideoFrame) -> tuple[int, bool]:
    """Return by how many degrees clockwise players rotate the frames, and whether they mirror them then."""
    data = _side_data(frame, "DISPLAYMATRIX")
    if len(data) < 36:
        # PyAV says the rotation, counterclockwise, also where it fails at the side data: see `_side_data`.
        return round(-frame.rotation / 90) * 90 % 360, False
    # A stored position (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = struct.unpack_from("=5i", data)
    return round(math.degrees(math.atan2(b, d)) / 90) * 90 % 360, a * d - b * c < 0


def _peak_nits(frame: VideoFrame) -> float:
    """Return the luminance of the brightest pixels of a clip in PQ, or of the screen that it was graded on."""
    level, screen = _side_data(frame, "CONTENT_LIGHT_LEVEL"), _side_data(frame, "MASTERING_DISPLAY_METADATA")
    nits = float(struct.unpack_from("=I", level)[0]) if len(level) >= 4 else 0.0
    if not nits and len(screen) >= 88:
        numerator, denominator, _has_primaries, has_luminance = struct.unpack_from("=4i", screen, 72)
        nits = numerator / denominator if has_luminance and denominator else 0.0
    return min(max(nits or HLG_PEAK_NITS, WHITE_NITS), _PQ_PEAK_NITS)


def _side_data(frame: VideoFrame, name: str) -> bytes:
    try:
        data = cast("Any", frame.side_data.get(name))
    except ValueError:  # PyAV does not know all kinds of side data, and fails at an unknown one
        return b""
    return b"" if data is None else bytes(data)
