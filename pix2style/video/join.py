"""Join the segments of a clip into one file, with the sound and the subtitles of its source."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pix2style.errors import ArtifactError
from pix2style.files import atomic_path
from pix2style.video.clip import ClipFacts
from pix2style.video.open_encoder import configure_encoder
from pix2style.video.segments import SegmentFacts, read_packets, read_segment
from pix2style.video.settings import VideoSettings
from pix2style.video.timing import PacketTimes, decode_times

if TYPE_CHECKING:
    import av

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}


def join_segments(
    segments: Sequence[Path],
    source: ClipFacts,
    out: Path,
    settings: VideoSettings,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    origin: str | None = None,
) -> list[str]:
    """Write a clip from its segments, with the packets of all sound and subtitle tracks of its source.

    Args:
        segments: The segment files in order.
        source: The clip that was stylized.
        out: The file to write. It appears under this name when it is complete.
        settings: The settings of the segments.
        start_s: Where in the source the first frame lies, in seconds; None if it is the source's first frame.
        end_s: Where in the source the last frame ends, in seconds; None if it is the source's last frame.
        origin: Note that says what made the clip, which `read_origin` reads; None writes none.

    Returns:
        Notes about what the file does not hold.

    Raises:
        ArtifactError: A segment is damaged or was made with other settings.
        OSError: The file cannot be written.
    """
    facts = [read_segment(path) for path in segments]
    for segment in facts:
        if segment.settings_digest != settings.digest() or segment.header_digest != facts[0].header_digest:
            raise ArtifactError(f"{segment.path}: was made with other settings: remove it, and it is made again")
    with atomic_path(out) as temporary:
        return _write(facts, source, temporary, settings, is_cut=(start_s is not None, end_s is not None), note=origin)


def _write(
    segments: Sequence[SegmentFacts],
    source: ClipFacts,
    path: Path,
    settings: VideoSettings,
    *,
    is_cut: tuple[bool, bool],
    note: str | None,
) -> list[str]:
    """Write the file."""
    import av

    times = decode_times(segments, settings)
    first, end = times[0].first, times[0].end
    with (
        av.open(source.path) as original,
        av.open(
            path,
            "w",
            format=_FORMATS[settings.suffix],
            container_options=_muxer_options(settings),
        ) as container,
    ):
        stream = _add_video(container, settings, segments[0])
        copies = {track: container.add_stream_from_template(track, opaque=True) for track in original.streams.audio}
        shift = first * settings.time_base_s if is_cut[0] else None
        stop = end * settings.time_base_s if is_cut[1] else None
        if note is not None:
            container.metadata["comment"] = f"pix2style {note}"
        container.start_encoding()
        queues = [_video_packets(segments, times, stream, settings, shift), _copied(original, copies, shift, stop)]
        for _, _, packet in heapq.merge(*queues, key=lambda row: row[:2]):
            container.mux_one(packet)
    return []


def _muxer_options(settings: VideoSettings) -> dict[str, str]:
    """Return options of the muxer: no date and no random identifier; exact times; playable while it is loaded."""
    options = {"fflags": "+bitexact"}
    if _FORMATS[settings.suffix] in ("mp4", "mov"):
        scale = str(settings.time_base_s.denominator)
        options |= {"movflags": "+faststart", "video_track_timescale": scale, "movie_timescale": scale}
    return options


def _add_video(
    container: av.container.OutputContainer, settings: VideoSettings, segment: SegmentFacts
) -> av.VideoStream:
    """Add the stream of the frames: by an encoder like that of the segments, which writes the same header."""
    stream = cast("av.VideoStream", container.add_stream(settings.encoder, rate=settings.frame_rate))
    configure_encoder(stream.codec_context, settings, segment.width_px, segment.height_px)
    stream.time_base = settings.time_base_s
    return stream


def _video_packets(
    segments: Sequence[SegmentFacts],
    times: Sequence[PacketTimes],
    stream: av.VideoStream,
    settings: VideoSettings,
    shift: Fraction | None,
) -> Iterator[tuple[Fraction, int, Any]]:
    """Yield the packets of the frames with their times."""
    base = settings.time_base_s
    offset = round((shift or 0) / base)
    position = 0
    for segment in segments:
        for _, packet in read_packets(segment):
            time = times[position]
            packet.stream = stream
            packet.time_base = base
            packet.pts, packet.dts, packet.duration = time.shown - offset, time.decoded - offset, time.duration
            yield packet.dts * base, 0, packet
            position += 1


def _copied(
    original: Any, copies: dict[Any, Any], shift: Fraction | None, stop: Fraction | None
) -> Iterator[tuple[Fraction, int, Any]]:
    """Yield the packets of the copied tracks, moved by the shift of the frames."""
    if not copies:
        return
    for packet in original.demux(list(copies)):
        if packet.pts is None or packet.size == 0:
            continue
        base = packet.time_base
        is_before = shift is not None and packet.pts * base < shift
        if is_before or (stop is not None and packet.pts * base >= stop):
            continue
        decoded = packet.pts if packet.dts is None else packet.dts
        offset = round((shift or 0) / base)
        packet.stream = copies[packet.stream]
        packet.pts, packet.dts = packet.pts - offset, decoded - offset
        yield packet.dts * base, packet.stream.index, packet
