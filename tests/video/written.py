"""Sources that the tests of writing make, and what they read of a written clip."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from pix2style.images import Image8
from pix2style.video.clip import ClipColour, ClipFacts, ClipFrame
from pix2style.video.encoders import choose_settings
from pix2style.video.join import join_segments
from pix2style.video.segments import encode_segment

WIDTH, HEIGHT = 64, 48
SUBTITLES = [(0.1, 0.3, "one"), (0.35, 0.5, "two"), (0.75, 0.4, "three")]


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image8:
    """Return a smooth coloured image in which a bright square moves."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack((rows * 4, columns * 3, (rows + columns) * 2), axis=-1) % 256
    image[height // 3 : height // 2, (number * 2) % width : (number * 2) % width + 8] = (240, 240, 40)
    return image.astype(np.uint8)


def clip_frames(times: Sequence[int], width: int = WIDTH, height: int = HEIGHT, **values: Any) -> list[ClipFrame]:
    """Return frames at these times."""
    return [ClipFrame(picture(i, width, height), None, time, i, **values) for i, time in enumerate(times)]


def facts(path: Path, **changes: Any) -> ClipFacts:
    """Return the facts of a plain clip with changes."""
    values: dict[str, Any] = {
        "path": path,
        "width_px": WIDTH,
        "height_px": HEIGHT,
        "rotation_deg": 0,
        "pixel_aspect": Fraction(1),
        "frames": None,
        "duration_s": None,
        "frame_rate": Fraction(25),
        "time_base_s": Fraction(1, 12800),
        "bits": 8,
        "has_alpha": False,
        "colour": ClipColour(full_range=False, matrix=2, primaries=2, transfer=2),
        "is_hdr": False,
        "sounds": 0,
        "subtitles": 0,
    }
    return ClipFacts(**(values | changes))


def write_source(
    path: Path,
    *,
    frames: int = 30,
    sounds: Sequence[str] = ("aac",),
    seconds: float | None = None,
    rate: int = 48000,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    tags: dict[str, str] | None = None,
    codec: str = "mpeg4",
    options: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
) -> Path:
    """Write a clip with sound tracks of these codecs, each with another tone, language and title.

    Frames come at 25 a second, or at `times` in units of `time_base`.
    """
    with av.open(path, "w") as container:
        container.metadata.update(tags or {})
        video: Any = container.add_stream(codec, rate=25, options=options or {})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.time_base = time_base
        tracks: list[Any] = []
        for number, sound in enumerate(sounds):
            track: Any = container.add_stream(sound, rate=rate, layout="mono")
            track.metadata.update({"language": ("eng", "deu")[number % 2], "title": f"Track {number}"})
            tracks.append(track)
        for number, time in enumerate(times or range(frames)):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), "rgb24")
            frame.pts, frame.time_base = time, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for number, track in enumerate(tracks):
            for packet in _tone(track, 440 * (number + 1), seconds or frames / 25):
                container.mux(packet)
    return path


def _tone(track: Any, hertz: float, seconds: float) -> list[Any]:
    rate = track.codec_context.sample_rate
    samples = np.sin(np.arange(int(rate * seconds)) * (2 * np.pi * hertz / rate)) * 0.3
    packets = []
    for begin in range(0, len(samples), 960):
        frame = av.AudioFrame.from_ndarray(samples[None, begin : begin + 960].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        packets += track.encode(frame)
    return packets + list(track.encode(None))


def add_subtitles(
    source: Path,
    path: Path,
    codec: str = "subrip",
    *,
    lines: Sequence[tuple[float, float, str]] = SUBTITLES,
    font: bool = False,
) -> Path:
    """Copy a clip, and add a track of subtitles in German, and a font."""
    with av.open(source) as original, av.open(path, "w") as container:
        copies: dict[Any, Any] = {s: container.add_stream_from_template(s, opaque=True) for s in original.streams}
        track: Any = container.add_stream(codec)
        track.codec_context.subtitle_header = b"[Script Info]\n"
        track.metadata["language"] = "deu"
        track.disposition = 64  # forced
        if font:
            container.add_attachment("font.ttf", "application/x-truetype-font", b"no font")
        packets = [packet for packet in original.demux() if packet.size]
        for packet in packets:
            packet.stream = copies[packet.stream]
        for begin, duration, text in lines:
            packet = av.Packet(text.encode())
            packet.stream, packet.time_base = track, Fraction(1, 1000)
            packet.pts = packet.dts = round(begin * 1000)
            packet.duration = round(duration * 1000)
            packets.append(packet)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def segments_of(
    source: ClipFacts, out: Path, frames: Sequence[ClipFrame], *, size: int = 10, **choice: Any
) -> list[Path]:
    """Encode frames in segments of a size."""
    settings, _ = choose_settings(source, out, **choice)
    segments = []
    for begin in range(0, len(frames), size):
        segments.append(out.with_name(f"{out.name}.{begin}.segment"))
        encode_segment(frames[begin : begin + size], segments[-1], settings)
    return segments


def write(
    source: ClipFacts,
    out: Path,
    frames: Sequence[ClipFrame],
    *,
    size: int = 10,
    codec: str | None = None,
    crf: int | None = None,
    **join: Any,
) -> list[str]:
    """Encode frames in segments of a size, join them, and return all notes."""
    settings, notes = choose_settings(source, out, codec=codec, crf=crf)
    segments = segments_of(source, out, frames, size=size, codec=codec, crf=crf)
    return notes + join_segments(segments, source, out, settings, **join)


def packet_digests(path: Path, kind: str = "audio") -> list[list[str]]:
    """Return the digests of all packets of each track of a kind."""
    with av.open(path) as container:
        tracks = [stream for stream in container.streams if stream.type == kind]
        digests: dict[int, list[str]] = {track.index: [] for track in tracks}
        for packet in container.demux(tracks):
            if packet.size:
                digests[packet.stream.index].append(hashlib.sha256(bytes(packet)).hexdigest())
    return list(digests.values())


def decoded(path: Path) -> tuple[list[Image8], list[Fraction]]:
    """Return the frames of a clip in RGB and their times in seconds."""
    images, times = [], []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            images.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            times.append(frame.pts * frame.time_base)
    return images, times


def packet_times_s(path: Path, kind: str = "audio") -> list[list[Fraction]]:
    """Return the presentation times of all packets of each track of a kind, in seconds."""
    with av.open(path) as container:
        tracks = [stream for stream in container.streams if stream.type == kind]
        times: dict[int, list[Fraction]] = {track.index: [] for track in tracks}
        for packet in container.demux(tracks):
            if packet.size:
                assert packet.pts is not None
                assert packet.time_base is not None
                times[packet.stream.index].append(packet.pts * packet.time_base)
    return list(times.values())


def track_facts(path: Path) -> list[tuple[str, str, dict[str, str], int]]:
    """Return kind, codec, language and title, and disposition of all tracks but those of the frames."""
    with av.open(path) as container:
        return [
            (
                stream.type,
                stream.codec_context.name,
                {key: value for key, value in stream.metadata.items() if key in ("language", "title")},
                int(stream.disposition),
            )
            for stream in container.streams
            if stream.type in ("audio", "subtitle")
        ]
