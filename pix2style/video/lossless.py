"""Choose an encoder that loses nothing, and say what is not as a person may expect."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pix2style.errors import ConfigError
from pix2style.video.codecs import VideoEncoder, working_encoders
from pix2style.video.containers import CONTAINERS, VideoContainer

_ROUNDED = "colours are exact but for the rounding between RGB and YUV, and .mkv (FFV1) is exact"


@dataclass(frozen=True, slots=True)
class _Lossless:
    """How an encoder is told to lose nothing.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        pixel_format: Pixel format; empty for that of the encoder, which is RGB.
        options: Further options.
        note: What a person should know; empty if nothing.
    """

    encoder: str
    pixel_format: str = ""
    options: tuple[tuple[str, str], ...] = ()
    note: str = ""


_LOSSLESS = {
    "ffv1": _Lossless("ffv1"),
    "qtrle": _Lossless("qtrle", note="is written as QuickTime Animation, which is exact and very large"),
    "h264": _Lossless(
        "libx264",
        "yuv444p",
        (("qp", "0"),),
        f"is written as lossless H.264 4:4:4, which browsers, phones and most televisions do not play: {_ROUNDED}",
    ),
    "vp9": _Lossless("libvpx-vp9", "yuv444p", (("lossless", "1"),), f"is written as lossless VP9 4:4:4: {_ROUNDED}"),
}
# Codecs by container, the one that loses least first.
_PREFERRED = ("ffv1", "qtrle", "h264", "vp9")


def lossless_encoder(
    container: VideoContainer, codec: str | None, *, has_alpha: bool
) -> tuple[str, VideoEncoder, list[str]]:
    """Return a codec, its encoder, and notes.

    Args:
        container: The container.
        codec: The codec that a person chose; None for the container's.
        has_alpha: Whether the clip has transparency.

    Raises:
        ConfigError: The codec or the container cannot hold the clip without loss.
    """
    if codec is not None and codec not in _LOSSLESS:
        raise ConfigError(
            f"--codec {codec}: is not written without loss: take ffv1 in .mkv or qtrle in .mov, or leave out --lossless"
        )
    for name in (codec,) if codec else _PREFERRED:
        how = _LOSSLESS[name]
        found = [encoder for encoder in working_encoders(name) if encoder.name == how.encoder]
        if name not in container.codecs or not found:
            continue
        if how.pixel_format and has_alpha:
            exact = [other.suffix for other in CONTAINERS.values() if {"ffv1", "qtrle"} & set(other.codecs)]
            raise ConfigError(
                f"--lossless: {container.suffix} holds no transparency without loss: let OUT end in"
                f" {' or '.join(exact)}"
            )
        return name, _set_up(found[0], how), [how.note] if how.note else []
    raise ConfigError(
        f"--lossless: this computer's FFmpeg cannot write {container.suffix} without loss: let OUT end in .mkv"
    )


def _set_up(encoder: VideoEncoder, how: _Lossless) -> VideoEncoder:
    if not how.pixel_format:
        return encoder
    # `b` is the bit rate 0, by which VP9 keeps a constant quality.
    options = (*(option for option in encoder.options if option[0] != "b"), *how.options)
    usage = replace(encoder, options=options, quality=None)
    return replace(usage, pixel_format=how.pixel_format, odd_format=None, alpha_format=None)
