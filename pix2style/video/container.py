"""Open a clip with PyAV: a local file only, in a container format that opens no other files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from pix2style.errors import ClipError, require
from pix2style.images import open_file
from pix2style.printable import one_line
from pix2style.video.find import HEAD_BYTES, unread_reason

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# FFmpeg's demuxers that may open a clip. Playlists and session descriptions (hls, dash, concat, sdp, rtsp, image2, imf)
# are not among them, because they open further files or addresses.
_DEMUXERS = (
    "aiff,amr,apng,asf,av1,avi,avs2,avs3,cavsvideo,dirac,dnxhd,dv,evc,flv,gxf,h261,h263,h264,hevc,ivf,kux,lvf,lxf,m4v,"
    "matroska,mjpeg,mjpeg_2000,mov,mpeg,mpegts,mpegvideo,mv,mxf,nut,nuv,obu,ogg,rm,swf,ty,vc1,vc1test,vvc,wtv,"
    "yuv4mpegpipe,aac,ac3,flac,mp3,wav"
)


def open_container(path: Path) -> InputContainer:
    """Open a clip; the caller closes it.

    Raises:
        ClipError: The file cannot be opened or is no clip; the message says why.
        MissingExtraError: PyAV is not installed.
    """
    [av] = require("video", "av")
    head = _read_head(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    try:
        # With its protocol in front, a name such as "concat:a" or "http://b" is that of a file, too.
        opened = av.open(f"file:{path.absolute()}", container_options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise ClipError(str(path), unread_reason(path, head) or f"damaged ({describe(error)})") from error
    return cast("InputContainer", opened)


def describe(error: Exception) -> str:
    """Return what FFmpeg says about an error, without its number and the file's name."""
    return one_line(getattr(error, "strerror", None) or error)


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the stream that players show: not a cover picture; of several, the one that is marked as the default.

    Raises:
        ClipError: The file has no video.
    """
    from av.stream import Disposition

    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        kinds = "sound" if container.streams.audio else "subtitles" if container.streams.subtitles else ""
        raise ClipError(str(path), f"holds {kinds} only, no video" if kinds else "holds no video")
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def _read_head(path: Path) -> bytes:
    try:
        with open_file(path) as stream:
            return stream.read(HEAD_BYTES)
    except OSError as error:
        raise ClipError(str(path), error.strerror or str(error)) from error
