"""Open a clip with PyAV: a local file only, in a container format that opens no other files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from pix2style.errors import ClipError, require
from pix2style.images import MAX_PIXELS, open_file
from pix2style.images.reasons import too_large
from pix2style.printable import one_line
from pix2style.processes import usable_cores
from pix2style.video.cut_off import is_cut_off
from pix2style.video.find import HEAD_BYTES, unread_reason

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

# FFmpeg's demuxers that may open a clip. Playlists and session descriptions (hls, dash, concat, sdp, rtsp, image2, imf)
# are not among them, because they open further files or addresses. Those of sound are, so that the message is right.
_DEMUXERS = (
    "aac,ac3,aiff,amr,asf,av1,avi,avs2,avs3,cavsvideo,dirac,dnxhd,dv,evc,flac,flv,gxf,h261,h263,h264,hevc,ivf,lxf,m4v,"
    "matroska,mov,mp3,mpeg,mpegts,mpegvideo,mxf,nut,nuv,obu,ogg,rm,swf,ty,vc1,vc1test,vvc,wav,wtv,yuv4mpegpipe"
)
_MOST_THREADS = 8
# With several frames at once, what this decoder fills damaged parts with varies from run to run (FFmpeg 8.1).
_RACING_DECODERS = ("ffv1",)
# Decoders that keep transparency, which FFmpeg stores beside the frames of these codecs and its own decoders ignore.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def open_container(path: Path) -> InputContainer:
    """Open a clip; the caller closes it.

    Raises:
        ClipError: The file cannot be opened or is no clip; the message says why.
        MissingExtraError: PyAV is not installed.
    """
    [av] = require("video", "av")
    head = _read_head(path)
    if reason := unread_reason(path, head):
        raise ClipError(str(path), reason)
    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    try:
        # With its protocol in front, a name such as "concat:a" or "http://b" is that of a file, too.
        opened = av.open(
            f"file:{path.absolute()}",
            options={"max_pixels": str(MAX_PIXELS)},
            container_options=options,
            **_text_options(av.__version__),
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise ClipError(str(path), _unopened_reason(path, error)) from error
    return cast("InputContainer", opened)


def _text_options(pyav_version: str) -> dict[str, str]:
    """Return options for metadata that are no valid text; since version 19 PyAV escapes it by itself."""
    return {} if int(pyav_version.partition(".")[0]) >= 19 else {"metadata_errors": "replace"}


def _unopened_reason(path: Path, error: Exception) -> str:
    if not is_cut_off(path):
        return f"damaged, or no video ({describe(error)})"
    return "its index is missing or damaged, as after an interrupted recording or copy: it cannot be read"


def describe(error: Exception) -> str:
    """Return what FFmpeg says about an error, without its number and the file's name."""
    return one_line(getattr(error, "strerror", None) or error)


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the stream that players show: not a cover picture; of several, the one that is marked as the default.

    Raises:
        ClipError: The file has no video, or its frames are too large.
    """
    streams = video_streams(container)
    if not streams:
        kinds = "sound" if container.streams.audio else "subtitles" if container.streams.subtitles else ""
        raise ClipError(str(path), f"holds {kinds} only, no video" if kinds else "holds no video")
    from av.stream import Disposition

    stream = next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
    if stream.codec_context is not None and stream.width * stream.height > MAX_PIXELS:
        raise ClipError(str(path), too_large(stream.width, stream.height, MAX_PIXELS))
    return stream


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Return the video streams of a clip without cover pictures and previews."""
    from av.stream import Disposition

    pictures = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return [stream for stream in container.streams.video if not stream.disposition & pictures]


def make_decoder(stream: VideoStream, path: Path, *, is_parallel: bool = True) -> VideoCodecContext:
    """Return a decoder for a stream, ready to be opened. It uses several threads, at most as many as there are cores.

    Args:
        stream: The stream.
        path: The clip, for messages.
        is_parallel: Whether it may use several threads and work on several frames at once, as far as the codec allows
            it.

    Raises:
        ClipError: FFmpeg has no decoder for the codec.
    """
    decoder = stream.codec_context
    if decoder is None:
        raise ClipError(str(path), "its video is in a codec that FFmpeg does not decode, or the file is cut off")
    # FFmpeg writes the tag in capitals, others do not.
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if tags.get("alpha_mode") == "1" and decoder.name in _ALPHA_DECODERS:
        decoder = _alpha_decoder(decoder)
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    decoder.thread_type = "AUTO" if is_parallel and decoder.name not in _RACING_DECODERS else "SLICE"
    decoder.thread_count = min(usable_cores(), _MOST_THREADS) if is_parallel else 1
    return decoder


def _alpha_decoder(decoder: VideoCodecContext) -> VideoCodecContext:
    from av.codec import CodecContext

    other = cast("VideoCodecContext", CodecContext.create(_ALPHA_DECODERS[decoder.name], "r"))
    # What the container says about colours is not in the packets.
    other.color_primaries, other.color_trc = decoder.color_primaries, decoder.color_trc
    other.colorspace, other.color_range = decoder.colorspace, decoder.color_range
    return other


def _read_head(path: Path) -> bytes:
    try:
        with open_file(path) as stream:
            return stream.read(HEAD_BYTES)
    except OSError as error:
        raise ClipError(str(path), error.strerror or str(error)) from error
