"""Open FFmpeg's encoders with the settings of a clip."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, cast

from pix2style.errors import DataError
from pix2style.system.scheduling import ordinary_scheduling
from pix2style.video.codecs import ENCODERS, VideoEncoder
from pix2style.video.settings import VideoSettings

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

_LIMITED, _FULL = 1, 2  # in `AVColorRange`
# For encoders that have no option for the quality: about 6 Mbit/s for 720p at 30 frames per second.
_BITS_PER_PIXEL = 0.22
_LOSSLESS_OR_FIXED = ("prores", "ffv1", "qtrle")


def open_encoder(settings: VideoSettings, width_px: int, height_px: int) -> VideoCodecContext:
    """Return an opened encoder.

    The encoder counts frames: the times of the clip are put to the packets later. So its bytes do not depend on where
    in the clip the frames lie, and no encoder has to cope with the clip's time base.

    Args:
        settings: How to encode.
        width_px: Width of the frames.
        height_px: Height of the frames.

    Raises:
        FFmpegError: The encoder refuses the settings or the size.
        DataError: The frames are too small for the encoder.
    """
    from av.codec import CodecContext

    narrowest, lowest = _usage(settings).smallest_px
    if width_px < narrowest or height_px < lowest:
        size = f"{width_px}x{height_px}, and {settings.encoder} needs at least {narrowest}x{lowest}"
        raise DataError(f"frames of the clip have {size} pixels: choose another --codec")
    encoder = cast("VideoCodecContext", CodecContext.create(settings.encoder, "w"))
    configure_encoder(encoder, settings, width_px, height_px)
    with ordinary_scheduling():
        encoder.open()
    return encoder


def configure_encoder(encoder: VideoCodecContext, settings: VideoSettings, width_px: int, height_px: int) -> None:
    """Set up an encoder that is not open yet."""
    from av.codec.context import Flags

    encoder.width, encoder.height = width_px, height_px
    encoder.pix_fmt = settings.pixel_format_for(width_px, height_px)
    encoder.framerate = settings.frame_rate
    encoder.time_base = 1 / settings.frame_rate
    encoder.sample_aspect_ratio = settings.pixel_aspect
    encoder.color_range = _FULL if settings.colour.full_range else _LIMITED
    encoder.colorspace = settings.colour.matrix
    encoder.color_primaries = settings.colour.primaries
    encoder.color_trc = settings.colour.transfer
    encoder.thread_count = settings.threads
    encoder.flags |= Flags.global_header | Flags.bitexact
    encoder.options = dict(settings.options)
    if settings.encoder == "libx264":
        # PyAV sets SLICE, in which the threads share each frame: slower with several cores, and the file is larger.
        encoder.thread_type = "FRAME"
        if _has_avx512():
            encoder.options = {**encoder.options, "x264-params": "asm=avx2"}
    if settings.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "0")  # it prints to stderr by itself
    if settings.codec not in _LOSSLESS_OR_FIXED and _usage(settings).quality is None:
        encoder.bit_rate = max(100_000, int(width_px * height_px * settings.frame_rate * _BITS_PER_PIXEL))


def _usage(settings: VideoSettings) -> VideoEncoder:
    """Return how the encoder is used."""
    return next(encoder for encoder in ENCODERS[settings.codec] if encoder.name == settings.encoder)


def _has_avx512() -> bool:
    """Return whether x264 would use AVX-512.

    With it, x264 (in PyAV 18.1) gives other bytes for the same frames from run to run at many sizes, for example
    426x240, unless its macroblock tree is off, which would cost a quarter of the size. With AVX2 it never did.
    """
    try:
        # Not a public name of numpy, but the only source that all systems share.
        features = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError):
        return False
    return bool(features.get("AVX512F")) and bool(features.get("AVX2"))
