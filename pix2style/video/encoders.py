"""Choose container, codec, encoder and pixel format for an output, and say which of them this build of FFmpeg has."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pix2style.errors import ConfigError
from pix2style.video.clip import ClipColour, ClipFacts
from pix2style.video.settings import VideoSettings

# A fixed number, because x264 and x265 write other bytes with another number of threads.
_THREADS = 4
_BT709 = ClipColour(full_range=False, matrix=1, primaries=1, transfer=1)
# Matrices that swscale computes: BT.709, FCC, BT.601 (two names), SMPTE 240M, BT.2020.
_MATRICES = (1, 4, 5, 6, 7, 9)
# Codecs of each container, the default first.
_CODECS = {
    ".mp4": ("h264", "hevc", "av1", "vp9", "mpeg4"),
    ".m4v": ("h264", "hevc", "mpeg4"),
    ".mov": ("h264", "hevc", "prores", "qtrle", "mpeg4"),
    ".mkv": ("h264", "hevc", "av1", "vp9", "prores", "ffv1", "mpeg4"),
    ".webm": ("vp9", "av1"),
}
# The codec that keeps transparency, for containers that have one.
_ALPHA_CODECS = {".mov": "prores", ".mkv": "vp9", ".webm": "vp9"}
CLIP_SUFFIXES = frozenset(_CODECS)
"""Suffixes of the containers that can be written."""


@dataclass(frozen=True, slots=True)
class _Encoder:
    """An encoder of FFmpeg and how it is used.

    Attributes:
        name: FFmpeg's name.
        pixel_format: Pixel format for opaque frames.
        alpha_format: Pixel format for transparent frames; None if the codec has no transparency.
        odd_format: Pixel format for frames of an odd width or height.
        quality: Name of the option for the quality, with its lowest, highest and default value; None if there is none.
        options: Further options.
    """

    name: str
    pixel_format: str = "yuv420p"
    alpha_format: str | None = None
    odd_format: str | None = None
    quality: tuple[str, int, int, int] | None = None
    options: tuple[tuple[str, str], ...] = ()


# Encoders of each codec, the preferred first.
_ENCODERS = {
    "h264": (
        _Encoder("libx264", odd_format="yuv444p", quality=("crf", 0, 51, 20), options=(("preset", "veryfast"),)),
        _Encoder("libopenh264"),
        _Encoder("h264_videotoolbox"),
    ),
    "hevc": (
        _Encoder(
            "libx265",
            odd_format="yuv444p",
            quality=("crf", 0, 51, 23),
            options=(("preset", "fast"), ("x265-params", "pools=4:frame-threads=2:info=0:log-level=none")),
        ),
        _Encoder("hevc_videotoolbox"),
    ),
    "av1": (_Encoder("libsvtav1", quality=("crf", 1, 63, 32), options=(("preset", "8"),)),),
    "vp9": (
        _Encoder(
            "libvpx-vp9",
            alpha_format="yuva420p",
            quality=("crf", 0, 63, 30),
            options=(("b", "0"), ("deadline", "good"), ("cpu-used", "4"), ("row-mt", "1")),
        ),
    ),
    "prores": (_Encoder("prores_ks", pixel_format="yuv422p10le", alpha_format="yuva444p10le"),),
    "qtrle": (_Encoder("qtrle", pixel_format="rgb24", alpha_format="argb"),),
    "ffv1": (
        _Encoder(
            "ffv1",
            pixel_format="bgr0",
            alpha_format="bgra",
            options=(("level", "3"), ("slices", "4"), ("slicecrc", "1")),
        ),
    ),
    "mpeg4": (_Encoder("mpeg4", quality=("qscale", 1, 31, 3)),),
}


def choose_settings(
    source: ClipFacts, out: Path, *, codec: str | None = None, crf: int | None = None
) -> tuple[VideoSettings, list[str]]:
    """Choose how a clip is written.

    Args:
        source: The clip that is stylized.
        out: Path of the output, whose suffix names the container.
        codec: Name of the codec; None chooses one for the container.
        crf: Quality in the units of the codec; lower is better. None takes the codec's default.

    Returns:
        The settings, and notes about what a person may not expect.

    Raises:
        ConfigError: The suffix is none of a container that can be written, the codec does not fit it, or `crf` does
            not fit the codec.
    """
    suffix = out.suffix.lower()
    if suffix not in _CODECS:
        raise ConfigError(f"{out}: clips are written to files that end in {_listed(sorted(_CODECS))}")
    notes: list[str] = []
    codec = codec or _default_codec(suffix, has_alpha=source.has_alpha)
    if codec not in _CODECS[suffix]:
        raise ConfigError(f"--codec {codec} does not fit {suffix}, which holds {_listed(_CODECS[suffix])}")
    encoder = next(encoder for encoder in _ENCODERS[codec] if has_encoder(encoder.name))
    has_alpha = source.has_alpha and encoder.alpha_format is not None
    options = dict(encoder.options)
    if encoder.quality is not None:
        name, lowest, highest, default = encoder.quality
        if crf is not None and not lowest <= crf <= highest:
            raise ConfigError(f"--crf {crf}: {codec} takes {lowest} to {highest}")
        options[name] = str(default if crf is None else crf)
    pixel_format = encoder.alpha_format if has_alpha and encoder.alpha_format else encoder.pixel_format
    return (
        VideoSettings(
            suffix=suffix,
            codec=codec,
            encoder=encoder.name,
            pixel_format=pixel_format,
            options=tuple(sorted(options.items())),
            threads=_THREADS,
            time_base_s=source.time_base_s,
            frame_rate=source.frame_rate,
            pixel_aspect=source.pixel_aspect if source.rotation_deg % 180 == 0 else Fraction(1) / source.pixel_aspect,
            rotation_deg=0,
            colour=_output_colour(source),
            has_alpha=has_alpha,
        ),
        notes,
    )


@functools.cache
def has_encoder(name: str) -> bool:
    """Return whether this build of FFmpeg has an encoder."""
    import av.codec

    try:
        av.codec.Codec(name, "w")
    except ValueError:
        return False
    return True


def _default_codec(suffix: str, *, has_alpha: bool) -> str:
    """Return the codec for a container: one with transparency if the clip has it and the container can hold it."""
    return _ALPHA_CODECS.get(suffix, _CODECS[suffix][0]) if has_alpha else _CODECS[suffix][0]


def _output_colour(source: ClipFacts) -> ClipColour:
    """Return the meaning of the pixel values that are written: that of the source, with a matrix that is stated."""
    if source.is_hdr:
        return _BT709
    if source.colour.matrix in _MATRICES:
        return source.colour
    is_large = max(source.width_px, source.height_px) >= 1280 or min(source.width_px, source.height_px) >= 720
    return replace(source.colour, matrix=1 if is_large else 6)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
