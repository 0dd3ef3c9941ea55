"""The codecs that clips can be written with, and the encoders that FFmpeg may have for them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

OTHER_NAMES = {"h265": "hevc", "avc": "h264", "x264": "h264", "x265": "hevc"}


@dataclass(frozen=True, slots=True)
class Quality:
    """How an encoder is told the quality.

    Attributes:
        options: Names of the encoder's options, which all get the value.
        lowest, highest: Range of its values, where lower ones are better.
        default: The value if none is chosen.
    """

    options: tuple[str, ...]
    lowest: int
    highest: int
    default: int


@dataclass(frozen=True, slots=True)
class VideoEncoder:
    """An encoder of FFmpeg and how it is used.

    Attributes:
        name: FFmpeg's name.
        pixel_format: Pixel format for opaque frames.
        alpha_format: Pixel format for transparent frames; None if the codec has no transparency.
        odd_format: Pixel format for an odd width or height; None if `pixel_format` can hold it.
        quality: How it is told the quality; None if it has no such option.
        options: Further options.
        is_full_range_possible: Whether its files can say that luminance takes all values.
        states_aspect: Whether its packets say that pixels are not square, also where PyAV cannot tell the container.
        smallest_px: Smallest width and height of frames. With smaller ones these encoders write beyond their memory.
        is_device: Whether it needs a part of the computer that may be missing, so that it has to be tried.
    """

    name: str
    pixel_format: str = "yuv420p"
    alpha_format: str | None = None
    odd_format: str | None = None
    quality: Quality | None = None
    options: tuple[tuple[str, str], ...] = ()
    is_full_range_possible: bool = True
    states_aspect: bool = True
    smallest_px: tuple[int, int] = (1, 1)
    is_device: bool = False

    @property
    def is_rgb(self) -> bool:
        """Whether frames are stored in RGB."""
        return self.pixel_format in ("rgb24", "bgr0")


# Encoders of each codec, the preferred first.
ENCODERS = {
    "h264": (
        VideoEncoder(
            "libx264", odd_format="yuv444p", quality=Quality(("crf",), 0, 51, 23), options=(("preset", "veryfast"),)
        ),
        VideoEncoder("libopenh264", is_full_range_possible=False),
        VideoEncoder("h264_videotoolbox", is_device=True),
        VideoEncoder("h264_nvenc", is_device=True),
        VideoEncoder("h264_qsv", pixel_format="nv12", is_device=True),
        VideoEncoder("h264_mf", pixel_format="nv12", is_device=True),
    ),
    "hevc": (
        VideoEncoder(
            "libx265",
            odd_format="yuv444p",
            quality=Quality(("crf",), 0, 51, 23),
            options=(("preset", "fast"), ("x265-params", "frame-threads=2:info=0:log-level=none")),
            smallest_px=(64, 32),
        ),
        VideoEncoder("hevc_videotoolbox", is_device=True),
        VideoEncoder("hevc_nvenc", is_device=True),
    ),
    "av1": (
        VideoEncoder(
            "libsvtav1",
            quality=Quality(("crf",), 1, 63, 30),
            options=(("preset", "8"),),
            states_aspect=False,
            smallest_px=(48, 48),
        ),
        VideoEncoder(
            "libaom-av1",
            quality=Quality(("crf",), 0, 63, 30),
            options=(("cpu-used", "6"), ("row-mt", "1")),
            states_aspect=False,
        ),
    ),
    "vp9": (
        VideoEncoder(
            "libvpx-vp9",
            alpha_format="yuva420p",
            quality=Quality(("crf",), 0, 63, 28),
            options=(("b", "0"), ("cpu-used", "4"), ("deadline", "good"), ("row-mt", "1")),
            states_aspect=False,
        ),
    ),
    "prores": (
        VideoEncoder(
            "prores_ks",
            pixel_format="yuv422p10le",
            alpha_format="yuva444p10le",
            options=(("vendor", "apl0"),),
            is_full_range_possible=False,
            states_aspect=False,
        ),
    ),
    "ffv1": (
        VideoEncoder(
            "ffv1",
            pixel_format="bgr0",
            alpha_format="bgra",
            options=(("level", "3"), ("slicecrc", "1"), ("slices", "4")),
        ),
    ),
    "qtrle": (VideoEncoder("qtrle", pixel_format="rgb24", alpha_format="argb"),),
    # It has no option for a quality, but keeps its quantiser between these two.
    "mpeg4": (VideoEncoder("mpeg4", quality=Quality(("qmin", "qmax"), 1, 31, 3), is_full_range_possible=False),),
}
DISPLAY_NAMES = {
    "h264": "H.264",
    "hevc": "HEVC",
    "av1": "AV1",
    "vp9": "VP9",
    "prores": "ProRes",
    "ffv1": "FFV1",
    "qtrle": "QuickTime Animation",
    "mpeg4": "MPEG-4",
}


def working_encoders(codec: str) -> list[VideoEncoder]:
    """Return the encoders of a codec that this computer's FFmpeg has, the preferred first."""
    return [encoder for encoder in ENCODERS[codec] if has_encoder(encoder.name) and _is_ready(encoder)]


@functools.cache
def has_encoder(name: str) -> bool:
    """Return whether this computer's FFmpeg has an encoder."""
    from av.codec import Codec

    try:
        Codec(name, "w")
    except ValueError:
        return False
    return True


@functools.cache
def _is_ready(encoder: VideoEncoder) -> bool:
    """Return whether an encoder can be opened. FFmpeg also names those of devices that the computer does not have."""
    if not encoder.is_device:
        return True
    from av.codec import CodecContext
    from av.error import FFmpegError

    context = CodecContext.create(encoder.name, "w")
    context.width, context.height, context.pix_fmt = 640, 480, encoder.pixel_format  # type: ignore[attr-defined]
    context.time_base = Fraction(1, 25)
    try:
        context.open()
    except (FFmpegError, ValueError, OSError):
        return False
    return True
