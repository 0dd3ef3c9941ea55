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

WIDTH, HEIGHT = 64, 48


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
    path: Path, *, frames: int = 30, sounds: Sequence[str] = ("aac",), seconds: float | None = None, **options: Any
) -> Path:
    """Write a clip with sound tracks of these codecs, each with another tone, language and title."""
    with av.open(path, "w", **options) as container:
        video: Any = container.add_stream("mpeg4", rate=25, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p")
        tracks: list[Any] = []
        for number, codec in enumerate(sounds):
            track = container.add_stream(codec, rate=48000, layout="mono")
            track.metadata.update({"language": ("eng", "deu")[number % 2], "title": f"Track {number}"})
            tracks.append(track)
        for number in range(frames):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(number), "rgb24")))
        container.mux(video.encode(None))
        for number, track in enumerate(tracks):
            for packet in _tone(track, 440 * (number + 1), seconds or frames / 25):
                container.mux(packet)
    return path


def _tone(track: Any, hertz: float, seconds: float) -> list[Any]:
    samples = np.sin(np.arange(int(48000 * seconds)) * (2 * np.pi * hertz / 48000)) * 0.3
    packets = []
    for begin in range(0, len(samples), 960):
        frame = av.AudioFrame.from_ndarray(samples[None, begin : begin + 960].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, begin, Fraction(1, 48000)
        packets += track.encode(frame)
    return packets + track.encode(None)


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
