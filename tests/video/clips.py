"""Clips for tests of reading, made with PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8

LIMITED, FULL = 1, 2
_NUMBER_BITS = 6


def numbered_frames(count: int, height: int = 48, width: int = 64) -> list[Image8]:
    """Return frames that hold their numbers (up to 63) as black and white squares, over a moving background."""
    rows, columns = np.mgrid[:height, :width]
    frames = []
    for number in range(count):
        background = np.stack((rows * 3, columns * 2 + 40, 200 - rows - columns), axis=-1)
        frame = np.roll(background, number, axis=1).clip(0, 255).astype(np.uint8)
        for bit in range(_NUMBER_BITS):
            square = slice(bit * width // 8, (bit + 1) * width // 8)
            frame[: height // 6, square] = 235 if number >> bit & 1 else 20
        frames.append(frame)
    return frames


def number_of(rgb: Image8) -> int:
    """Return the number of a frame of `numbered_frames`, of any size."""
    height, width = rgb.shape[:2]
    row, columns = height // 12, [(2 * bit + 1) * width // 16 for bit in range(_NUMBER_BITS)]
    return sum(1 << bit for bit, column in enumerate(columns) if rgb[row, column].mean() > 128)


def grey_frames(count: int, height: int = 48, width: int = 64) -> list[Image8]:
    """Return frames whose left half is grey of level 40 + 3 * i in frame i."""
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
    prepare: Callable[[Any], None] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip; `times` are presentation times in units of `time_base`; `prepare` gets the stream."""
    pictures = [av.VideoFrame.from_ndarray(pixels, format=array_format) for pixels in frames]
    base = time_base or Fraction(1, rate)
    for frame, time in zip(pictures, times or range(len(frames)), strict=True):
        frame.pts, frame.time_base = time, base
    return write_video_frames(
        path,
        pictures,
        codec=codec,
        pix_fmt=pix_fmt,
        rate=rate,
        time_base=base,
        options=options,
        prepare=prepare,
        container_options=container_options,
    )


def write_video_frames(
    path: Path,
    frames: Sequence[av.VideoFrame],
    *,
    codec: str,
    pix_fmt: str,
    rate: int = 25,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    prepare: Callable[[Any], None] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write frames of PyAV to a clip; see `write_clip`."""
    with av.open(str(path), "w", options=container_options or {}) as out:
        stream: Any = out.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pix_fmt
        if time_base:
            stream.codec_context.time_base = time_base
        if prepare:
            prepare(stream)
        for frame in frames:
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def planes_clip(
    path: Path,
    planes: Sequence[NDArray[Any]],
    pix_fmt: str,
    *,
    matrix: int,
    full: bool,
    primaries: int = 2,
    transfer: int = 2,
) -> Path:
    """Write one frame of exact planes without loss, with its colours stated."""
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], pix_fmt)
    for target, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(target), np.uint8).reshape(-1, target.line_size)
        data = np.ascontiguousarray(values).view(np.uint8).reshape(values.shape[0], -1)
        rows[: len(data), : data.shape[1]] = data
    frame.pts = 0

    def state_colours(stream: Any) -> None:
        codec = stream.codec_context
        codec.colorspace, codec.color_range = matrix, FULL if full else LIMITED
        codec.color_primaries, codec.color_trc = primaries, transfer

    return write_video_frames(path, [frame], codec="ffv1", pix_fmt=pix_fmt, prepare=state_colours)
