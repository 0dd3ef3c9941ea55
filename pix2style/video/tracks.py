"""Copy the sound and subtitle tracks of a clip into another container, without encoding them anew."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pix2style.video.clock_restarts import JoinedClock
from pix2style.video.containers import CONTAINERS, VideoContainer
from pix2style.video.packets import packets_of
from pix2style.video.tags import copy_track_tags

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import AttachmentStream, Stream

_TIMES_MAY_BE_EQUAL = 0x20000  # `AVFMT_TS_NONSTRICT`
_USUAL_RATE = 48_000
_KINDS = {"audio": ("sound track", "sound tracks"), "subtitle": ("subtitle track", "subtitle tracks")}


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the source that a clip shows, in seconds of the source.

    Attributes:
        shift: What becomes time 0.
        begin: Packets that are shown before are left out; None leaves out none.
        end: Packets that are shown at this time or later are left out; None leaves out none.
    """

    shift: Fraction
    begin: Fraction | None
    end: Fraction | None


def choose_tracks(original: InputContainer, container: VideoContainer, codec: str) -> tuple[list[Stream], list[str]]:
    """Return the sound and subtitle tracks that a container can hold, and notes about the others, and about raw sound.

    Args:
        original: The source.
        container: The container of the output.
        codec: Codec of the frames, which a container that is advised has to hold, too.
    """
    kept: list[Stream] = []
    left_out: dict[tuple[str, str, str], int] = defaultdict(int)
    for track in original.streams:
        if track.type not in _KINDS:
            continue
        if can_hold(container, track):
            kept.append(track)
        else:
            name = track.codec_context.codec.canonical_name if track.codec_context else "unknown codec"
            left_out[track.type, name, _advice(track, codec)] += 1
    notes = []
    for (kind, name, advice), count in left_out.items():
        what = f"its {_KINDS[kind][0]} ({name}) is" if count == 1 else f"{count} {_KINDS[kind][1]} ({name}) are"
        notes.append(f"{what} left out: {container.suffix} cannot hold {'it' if count == 1 else 'them'}{advice}")
    return kept, notes + _raw_sound_notes(kept, container, codec)


def _raw_sound_notes(kept: Sequence[Stream], container: VideoContainer, codec: str) -> list[str]:
    """Say that samples without compression are in an MP4 file, where few programs expect them."""
    names = [track.codec_context.name for track in kept if track.type == "audio" and track.codec_context]
    raw = sorted({name for name in names if name.startswith("pcm_")})
    if container.muxer != "mp4" or not raw:
        return []
    others = " or ".join(suffix for suffix in (".mov", ".mkv") if codec in CONTAINERS[suffix].codecs)
    what = f"its sound ({', '.join(raw)}) is not compressed"
    return [f"{what}, which QuickTime and most browsers do not play in {container.suffix}: {others} keeps it playable"]


def can_hold(container: VideoContainer, track: Any) -> bool:
    """Return whether a container can hold a track, by letting FFmpeg begin a file with it in memory."""
    import av

    if track.codec_context is None:
        return False
    try:
        trial: OutputContainer = av.open(io.BytesIO(), "w", format=container.muxer)
        trial.add_stream_from_template(track, opaque=True)
        trial.start_encoding()
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    with contextlib.suppress(av.error.FFmpegError, OSError):  # some tracks cannot end without a packet
        trial.close()
    return True


def add_track(output: OutputContainer, track: Stream) -> Stream:
    """Add a track to an output, with its language, title and purpose."""
    copy = output.add_stream_from_template(track, opaque=True)
    copy_track_tags(track, copy)
    return copy


def add_fonts(
    original: InputContainer, output: OutputContainer, container: VideoContainer, tracks: Sequence[Stream]
) -> None:
    """Copy the attached fonts of a clip, if subtitles that may use them are copied."""
    if container.muxer == "matroska" and any(track.type == "subtitle" for track in tracks):
        for attachment in filter(_is_font, original.streams.attachments):
            output.add_stream_from_template(attachment)


def _is_font(attachment: AttachmentStream) -> bool:
    """Return whether an attached file is a font. Others may be anything, for example the places of a flight."""
    kind, name = (attachment.mimetype or "").lower(), (attachment.name or "").lower()
    return "font" in kind or "opentype" in kind or name.endswith((".ttf", ".otf", ".ttc"))


def copied_packets(
    original: InputContainer,
    copies: dict[Stream, Stream],
    part: Part,
    clock: JoinedClock,
    on_note: Callable[[str], None],
) -> Iterator[tuple[Fraction, int, Packet[Any]]]:
    """Yield the packets of the copied tracks with their decode times in seconds and the indexes of their tracks.

    Decode times of a track do not descend, also where those of a damaged source do.
    """
    last: dict[Stream, int] = {}
    units_s = {track: _unit_s(track, copy) for track, copy in copies.items()}
    for packet in _demuxed(original, list(copies), on_note):
        clock.mend(packet)
        if packet.pts is None or packet.size == 0 or packet.time_base is None:
            continue
        track = packet.stream
        duration = (packet.duration or 0) if track.type == "subtitle" else 0
        if not _trim(packet, duration, part):
            continue
        offset = round(part.shift / packet.time_base)
        shown = packet.pts - offset
        decoded = shown if packet.dts is None else packet.dts - offset
        unit_s = units_s[track]
        if unit_s is not None and unit_s != packet.time_base:
            # Moved apart by shorter times, packets would be equal in the output. Moved apart by longer ones, as the
            # milliseconds of Matroska, which has several short packets in one, they would fall behind.
            ticks = packet.time_base / unit_s
            shown, decoded = round(shown * ticks), round(decoded * ticks)
            packet.duration = round((packet.duration or 0) * ticks)
            packet.time_base = unit_s
        if track in last:
            decoded = max(decoded, last[track] + (unit_s is not None))
        last[track] = decoded
        packet.stream = copies[track]
        packet.pts, packet.dts = max(shown, decoded), decoded
        yield decoded * packet.time_base, packet.stream.index, packet


def _unit_s(track: Stream, copy: Stream) -> Fraction | None:
    """Return the duration of a sample for sound in MP4 and QuickTime, whose packets must not have equal times."""
    import av

    if not isinstance(track, av.AudioStream) or copy.container.format.flags & _TIMES_MAY_BE_EQUAL:
        return None
    return Fraction(1, track.rate or _USUAL_RATE)


def _demuxed(original: InputContainer, tracks: list[Stream], on_note: Callable[[str], None]) -> Iterator[Packet[Any]]:
    """Yield the packets of tracks.

    Raises:
        ClipError: The file cannot be read.
    """
    from av.stream import Discard

    if not tracks:
        return
    for stream in original.streams:
        stream.discard = Discard.default if stream in tracks else Discard.all
    yield from packets_of(original, tracks, on_note)


def _trim(packet: Packet[Any], duration: int, part: Part) -> bool:
    """Return whether a packet lies in a part. A subtitle that does so partly is shown for this part of its duration."""
    base, shown = packet.time_base, packet.pts or 0
    begin = None if part.begin is None else -(-part.begin // base)
    end = None if part.end is None else -(-part.end // base)
    if end is not None and shown >= end:
        return False
    stop = shown + duration if end is None else min(shown + duration, end)
    if begin is not None and shown < begin:
        if stop <= begin:
            return False
        packet.pts = packet.dts = shown = begin
    if duration:
        packet.duration = stop - shown
    return True


def _advice(track: Stream, codec: str) -> str:
    """Say which container would keep a track."""
    for suffix in (".mkv", ".mov", ".mp4", ".webm"):
        if codec in CONTAINERS[suffix].codecs and can_hold(CONTAINERS[suffix], track):
            return f"; {suffix} keeps it"
    return "; no other container of clips does, either"
