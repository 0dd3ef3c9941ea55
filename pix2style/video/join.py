"""Join the segments of a clip into one file, with the sound and the subtitles of its source."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pix2style.errors import ArtifactError, require
from pix2style.files import atomic_path, sha256_bytes
from pix2style.images import KeepMetadata
from pix2style.plural import counted
from pix2style.system.scheduling import ordinary_scheduling
from pix2style.video.clip import ClipFacts
from pix2style.video.clock_restarts import JoinedClock, may_restart
from pix2style.video.codecs import DISPLAY_NAMES
from pix2style.video.container import open_container, video_stream
from pix2style.video.containers import CONTAINERS, VideoContainer, muxer_options, stored_time_base
from pix2style.video.open_encoder import configure_encoder
from pix2style.video.read import LATEST_BEGIN_S
from pix2style.video.segments import SegmentFacts, read_packets, read_segment
from pix2style.video.settings import VideoSettings
from pix2style.video.tags import copy_tags, copy_track_tags
from pix2style.video.timing import PacketTimes, packet_times
from pix2style.video.tracks import Part, add_fonts, add_track, choose_tracks, copied_packets
from pix2style.video.write_errors import explain_write_errors

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream


def join_segments(
    segments: Sequence[Path],
    source: ClipFacts,
    out: Path,
    settings: VideoSettings,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    origin: str | None = None,
    metadata: KeepMetadata = KeepMetadata.NONE,
) -> list[str]:
    """Write a clip from its segments, with the packets of the sound and subtitle tracks of its source.

    Args:
        segments: The segment files in order.
        source: The clip that was stylized.
        out: The file to write. It appears under this name when it is complete.
        settings: The settings of the segments.
        start_s: Where the part of the source that the segments show begins, in seconds from the beginning of the
            source; None if it is the beginning. The output begins at time 0 then.
        end_s: Where it ends; None if it is the end.
        origin: Note that says what made the clip, for its tag `comment`; None writes none.
        metadata: Which tags of the source are kept beside its title and its chapters.

    Returns:
        Notes about what the file does not hold.

    Raises:
        ArtifactError: A segment is damaged or was made with other settings.
        DataError: The file cannot be written, or the source cannot be read any more.
    """
    require("video", "av")
    facts = [read_segment(path) for path in segments]
    for segment in facts:
        if segment.encoding != (settings.digest(), facts[0].encoding[1]):
            raise ArtifactError(f"{segment.path}: was made with other settings: remove it, and it is made again")
    times = _times(facts, source)
    with open_container(source.path) as original, explain_write_errors(out), atomic_path(out) as temporary:
        part = _part(times, source, original, start_s, end_s)
        return _Joining(facts, source, settings, times, part, metadata).write(original, temporary, origin)


def _times(segments: Sequence[SegmentFacts], source: ClipFacts) -> PacketTimes:
    """Return the times of all packets."""
    begins = np.cumsum([0, *(len(segment.times) for segment in segments)])
    places = [begin + segment.places for begin, segment in zip(begins[:-1], segments, strict=True)]
    last = segments[-1].last_duration or max(1, round(1 / source.frame_rate / source.time_base_s))
    return packet_times(np.concatenate([segment.times for segment in segments]), np.concatenate(places), last)


def _part(
    times: PacketTimes, source: ClipFacts, original: InputContainer, start_s: float | None, end_s: float | None
) -> Part:
    """Return which part of the source is shown."""
    first_s, last_s = times.first * source.time_base_s, times.end * source.time_base_s
    begin = None
    if start_s:
        start = source.begin_s + _seconds(start_s)
        begin = first_s if start <= first_s <= start + LATEST_BEGIN_S else start
    end = None if end_s is None else max(last_s, source.begin_s + _seconds(end_s))
    # The times of broadcasts count from anywhere. No container shows what lies before time 0.
    shift = source.begin_s if may_restart(original) else min(first_s, Fraction(0))
    return Part(shift if begin is None else begin, begin, end)


def _seconds(value: float) -> Fraction:
    """Return the seconds that a person meant: 0.4 is a little more than that as a float."""
    return Fraction(value).limit_denominator(1_000_000)


@dataclass(frozen=True, slots=True)
class _Joining:
    """The segments of one file and all that belongs to them."""

    segments: Sequence[SegmentFacts]
    source: ClipFacts
    settings: VideoSettings
    times: PacketTimes
    part: Part
    metadata: KeepMetadata

    def write(self, original: InputContainer, path: Path, origin: str | None) -> list[str]:
        """Write the file, and return notes."""
        import av

        container = CONTAINERS[self.settings.suffix]
        tracks, notes = choose_tracks(original, container, self.settings.codec)
        base = stored_time_base(container, self.settings.time_base_s)
        options = muxer_options(container, base, [track.rate for track in tracks if isinstance(track, av.AudioStream)])
        with av.open(f"file:{path.absolute()}", "w", format=container.muxer, container_options=options) as output:
            copy_tags(original, output, self.part, origin, self.metadata)
            video = self._add_video(output, original, container)
            copies = {track: add_track(output, track) for track in tracks}
            add_fonts(original, output, container, tracks)
            output.start_encoding()
            packets = copied_packets(original, copies, self.part, JoinedClock(self.source.restarts), notes.append)
            damaged = 0
            for _, _, packet in heapq.merge(self._video_packets(video), packets, key=lambda row: row[:2]):
                try:
                    output.mux_one(packet)
                except av.error.InvalidDataError:
                    if packet.stream is video:
                        raise
                    damaged += 1  # FFmpeg could not rewrite its header for the container
        if damaged:
            notes.append(f"{counted(damaged, 'packet')} of its sound and subtitles cannot be read: left out")
        return notes + self._notes()

    def _add_video(self, output: OutputContainer, original: InputContainer, container: VideoContainer) -> VideoStream:
        """Add the track of the frames, by an encoder like that of the segments, which writes the same header."""
        first, settings = self.segments[0], self.settings
        video = cast("VideoStream", output.add_stream(settings.encoder, rate=settings.frame_rate))
        configure_encoder(video.codec_context, settings, first.width_px, first.height_px)
        with ordinary_scheduling():
            video.codec_context.open()
        if sha256_bytes(video.codec_context.extradata or b"") != first.encoding[1]:
            raise ArtifactError(f"{first.path}: was made by another FFmpeg: remove it, and it is made again")
        if container.is_mp4 and settings.codec == "hevc":
            video.codec_context.codec_tag = "hvc1"  # the only one that Apple's players take
        video.time_base = stored_time_base(container, settings.time_base_s)
        if settings.rotation_deg or settings.is_mirrored:
            video.set_display_rotation(-settings.rotation_deg, hflip=settings.is_mirrored)
        if settings.has_alpha and settings.codec == "vp9":
            video.metadata["alpha_mode"] = "1"
        copy_track_tags(video_stream(original, self.source.path), video)
        return video

    def _video_packets(self, video: VideoStream) -> Iterator[tuple[Fraction, int, Packet[Any]]]:
        """Yield the packets of the frames with their decode times in seconds and the index of their track."""
        base, times = self.settings.time_base_s, self.times
        offset = round(self.part.shift / base)
        packets = itertools.chain.from_iterable(read_packets(segment.path) for segment in self.segments)
        rows = zip(packets, times.shown.tolist(), times.decoded.tolist(), times.durations.tolist(), strict=True)
        for packet, shown, decoded, duration in rows:
            packet.stream, packet.time_base = video, base
            packet.pts, packet.dts, packet.duration = shown - offset, decoded - offset, duration
            yield (decoded - offset) * base, 0, packet

    def _notes(self) -> list[str]:
        """Say what a person may not expect of the frames."""
        first, settings = self.segments[0], self.settings
        if settings.pixel_format_for(first.width_px, first.height_px) == settings.pixel_format:
            return []
        name = DISPLAY_NAMES[settings.codec]
        size = f"{first.width_px}x{first.height_px}"
        where = "QuickTime, Safari and many phones do not play; --codec vp9 or av1 holds odd sizes everywhere"
        return [f"has an odd size, {size}: written as {name} 4:4:4, which {where}"]
