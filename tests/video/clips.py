"""Clips for tests, made with PyAV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


def grey_frames(count: int, height: int = 48, width: int = 64) -> list[NDArray[np.uint8]]:
    """Return frames with a number that can be read from their grey: frame i is 40 + 3 * i on the left half."""
    frames = []
    for i in range(count):
        frame = np.full((height, width, 3), 128, np.uint8)
        frame[:, : width // 2] = 40 + 3 * i
        frames.append(frame)
    return frames


def write_clip(
    path: Path,
    frames: Sequence[NDArray[Any]],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: int = 25,
    times: Iterable[int] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    array_format: str = "rgb24",
    prepare: Any = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip; `times` are presentation times in units of `time_base`; `prepare` gets the stream."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options=container_options or {}) as out:
        stream = out.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if time_base:
            stream.codec_context.time_base = time_base
        if prepare:
            prepare(stream)
        for pixels, time in zip(frames, times or range(len(frames)), strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format=array_format)
            frame.pts, frame.time_base = time, time_base or Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path
