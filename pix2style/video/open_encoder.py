"""Open FFmpeg's encoders with the settings of a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pix2style.video.settings import VideoSettings

if TYPE_CHECKING:
    import av

# With its macroblock tree x264 (in PyAV 18.1, with AVX-512) gave other bytes for the same frames in half of 100 trials
# at a width of 64 pixels, and never at 96 pixels or more, nor without the tree.
_NARROW_PX = 128


def open_encoder(settings: VideoSettings, width_px: int, height_px: int) -> av.VideoCodecContext:
    """Return an opened encoder.

    The encoder counts frames: the times of the clip are put to the packets later. So its bytes do not depend on where
    in the clip the frames lie, and no encoder has to cope with the clip's time base.

    Args:
        settings: How to encode.
        width_px: Width of the frames.
        height_px: Height of the frames.
    """
    import av

    encoder = cast("av.VideoCodecContext", av.CodecContext.create(settings.encoder, "w"))
    configure_encoder(encoder, settings, width_px, height_px)
    encoder.open()
    return encoder


def configure_encoder(encoder: av.VideoCodecContext, settings: VideoSettings, width_px: int, height_px: int) -> None:
    """Set up an encoder that is not open yet."""
    from av.codec.context import Flags

    encoder.width, encoder.height = width_px, height_px
    encoder.pix_fmt = settings.pixel_format
    encoder.framerate = settings.frame_rate
    encoder.time_base = 1 / settings.frame_rate
    encoder.sample_aspect_ratio = settings.pixel_aspect
    encoder.color_range = 2 if settings.colour.full_range else 1
    encoder.colorspace = settings.colour.matrix
    encoder.color_primaries = settings.colour.primaries
    encoder.color_trc = settings.colour.transfer
    encoder.thread_count = settings.threads
    encoder.flags |= Flags.global_header | Flags.bitexact
    encoder.options = dict(settings.options)
    if settings.encoder == "libx264" and width_px < _NARROW_PX:
        encoder.options = dict(settings.options) | {"mbtree": "0"}
