"""Open cameras and addresses with PyAV, whose FFmpeg knows the cameras of Linux, macOS and Windows."""

from __future__ import annotations

import contextlib
import errno
import itertools
import queue
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2style.errors import DataError, require
from pix2style.images import Image8
from pix2style.live.pace import Pace
from pix2style.live.upright import UprightFrames
from pix2style.printable import one_line

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

_RATE = "30"
_OPEN_TIMEOUT_S, _READ_TIMEOUT_S = 10.0, 5.0
# Of what others send: FFmpeg otherwise keeps frames back, to be fluent. In addresses of files it would lose frames.
_SENDERS = ("rtsp", "rtsps", "rtp", "udp")
_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "rtp")
# An address may name playlists, whose entries are opened, too: never files of this machine.
_PROTOCOLS = "crypto,data,http,httpproxy,https,rtmp,rtmps,rtp,rtsp,rtsps,srtp,tcp,tls,udp"
_LISTED_FORMATS = {"darwin": "avfoundation", "win32": "dshow"}  # where cameras have names instead of paths
_CAMERA_FORMATS = ("v4l2", "avfoundation", "dshow")
_DEVICE_FORMATS = (*_CAMERA_FORMATS, "gdigrab", "x11grab", "lavfi")
_WITHOUT_CAMERA = "to try it without a camera, name a clip (--source clip.mp4)"
_EXPECTED = (
    "no such clip or camera: give a clip, the number, name or path of a camera, or an address (rtsp://, http://, ...)"
)


@dataclass(frozen=True, slots=True)
class Device:
    """A camera or another device that FFmpeg reads.

    Attributes:
        format: FFmpeg's name of the kind of device, for example `v4l2`.
        address: What FFmpeg takes as its file name.
        name: Name for messages.
    """

    format: str
    address: str
    name: str


class StreamSource:
    """A camera or address that is open.

    Args:
        container: The open container of PyAV.
        name: Name for messages.
        is_camera: Whether it is a camera.
        waits: Whether frames wait until they are due, as those of a file that is read over the network.
    """

    is_clip = False

    def __init__(self, container: InputContainer, name: str, *, is_camera: bool, waits: bool = False) -> None:
        self.name, self.is_camera, self._container, self._waits = name, is_camera, container, waits
        streams = container.streams.video
        if not streams:
            raise DataError(f"{name}: sends no video")
        self._stream = streams[0]
        self._stream.thread_type = "SLICE"  # threads for whole frames would hold frames back
        self._upright = UprightFrames(container, self._stream, name, is_camera=is_camera)
        self.height_px, self.width_px = self._stream.codec_context.height, self._stream.codec_context.width
        self._begun = self._begin() if waits else None
        if not self.height_px or not self.width_px:
            raise DataError(f"{name}: does not say how large its frames are")

    def _begin(self) -> Iterator[VideoFrame] | None:
        """Return the frames of a file, after the first has said how large they are: a phone may have been turned."""
        [av] = require("live", "av")
        frames = self._container.decode(self._stream)
        with contextlib.suppress(av.error.InvalidDataError):
            for first in frames:
                self.height_px, self.width_px = self._upright.size_of(first)
                return itertools.chain([first], frames)
        return None

    def frames(self, stop: threading.Event) -> Iterator[Image8]:
        """Yield the frames as they come, or when they are due.

        Raises:
            DataError: It sent no frame, or was unplugged.
        """
        [av] = require("live", "av")
        pace, has_sent = Pace(), False
        while not stop.is_set():
            try:
                begun, self._begun = self._begun, None
                for frame in begun or self._container.decode(self._stream):
                    if self._waits and stop.wait(pace.wait_s(frame.time)):
                        return
                    has_sent = True
                    yield self._upright.convert(frame)
            except BlockingIOError:  # macOS: no frame yet
                time.sleep(0.005)
            except av.error.InvalidDataError:  # a damaged packet, as cameras send at their start
                time.sleep(0.001)
            except (OSError, av.error.FFmpegError) as error:
                if stop.is_set():
                    return
                raise DataError(f"{self.name}: stopped ({_reason(error)}): was it unplugged?") from error
            else:
                if not has_sent and not stop.is_set():
                    raise DataError(f"{self.name}: sent no frame")
                return

    def close(self) -> None:
        """Release the camera."""
        self._container.close()


def open_camera(text: str, size: tuple[int, int]) -> StreamSource:
    """Open a camera or an address.

    Args:
        text: Number, name or path of a camera, `FORMAT:ADDRESS` with one of FFmpeg's kinds of devices, or an address
            such as rtsp://HOST/PATH.
        size: Width and height that the camera is asked for.

    Raises:
        DataError: There is no such camera, or it cannot be opened.
        MissingExtraError: PyAV is not installed.
    """
    [av] = require("live", "av")
    scheme = re.match(r"([a-z]+)://", text)
    if scheme:
        return _open_address(text, scheme[1])
    device = _find_device(text)
    attempts = _attempts(device, size)
    for number, options in enumerate(attempts):
        try:
            is_camera = device.format in _CAMERA_FORMATS
            return StreamSource(_open(device.address, device.format, options), device.name, is_camera=is_camera)
        except (OSError, av.error.FFmpegError) as error:
            # Cameras refuse sizes and formats that they do not have by EINVAL or EIO.
            if number == len(attempts) - 1 or getattr(error, "errno", None) not in (errno.EINVAL, errno.EIO):
                raise DataError(_explain(device, error)) from error
    raise AssertionError("there is always an attempt")


def _open(address: str, format_: str | None, options: dict[str, str]) -> InputContainer:
    """Open a device or address in a thread of its own, because FFmpeg waits for a silent camera without an end.

    Not even Ctrl-C would interrupt it in the main thread.

    Raises:
        TimeoutError: It sent no frame in time.
    """
    [av] = require("live", "av")
    opened: queue.Queue[InputContainer | Exception] = queue.Queue()

    def run() -> None:
        try:
            timeouts = (_OPEN_TIMEOUT_S, _READ_TIMEOUT_S)
            opened.put(av.open(address, format=format_, options=options, timeout=timeouts, metadata_errors="replace"))
        except Exception as error:  # noqa: BLE001 - raised below
            opened.put(error)

    threading.Thread(target=run, name="open camera", daemon=True).start()
    try:
        result = opened.get(timeout=_OPEN_TIMEOUT_S + _READ_TIMEOUT_S)
    except queue.Empty as error:
        raise TimeoutError(errno.ETIMEDOUT, f"no frame came in {_OPEN_TIMEOUT_S + _READ_TIMEOUT_S:.0f} s") from error
    if isinstance(result, Exception):
        raise result
    return result


def _open_address(text: str, scheme: str) -> StreamSource:
    [av] = require("live", "av")
    if scheme not in _SCHEMES:
        raise DataError(f"{text}: unknown kind of address: known are {', '.join(f'{name}://' for name in _SCHEMES)}")
    options = {"protocol_whitelist": _PROTOCOLS}
    if scheme in _SENDERS:
        options["fflags"] = "nobuffer"
    if scheme.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"
    try:
        container = _open(text, None, options)
        # The frames of a file can all be had at once. Only files have a duration.
        is_file = scheme in ("http", "https") and container.duration is not None
        return StreamSource(container, text, is_camera=False, waits=is_file)
    except av.error.ExitError as error:
        raise DataError(f"{text}: does not answer: is the address right, and does it send now?") from error
    except (OSError, av.error.FFmpegError) as error:
        raise DataError(f"{text}: cannot be opened ({_reason(error)})") from error


def _find_device(text: str) -> Device:
    """Return the device that a number, name, path or `FORMAT:ADDRESS` names.

    Raises:
        DataError: There is none.
    """
    format_, _, address = text.partition(":")
    if address and format_ in _DEVICE_FORMATS:
        return Device(format_, address, text)
    if sys.platform in _LISTED_FORMATS:
        return _find_listed(text, _LISTED_FORMATS[sys.platform])
    path = Path(f"/dev/video{text}") if text.isdecimal() else Path(text)
    if _exists(path):
        return Device("v4l2", str(path), str(path))
    if text.isdecimal():
        raise DataError(f"camera {text}: there is none: {_others(_linux_cameras())}")
    raise DataError(f"{text}: {_EXPECTED}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def _find_listed(text: str, format_: str) -> Device:
    """Return the device with this number or name among those that the system lists (macOS and Windows)."""
    names = _listed_cameras(format_)
    matching = [name for name in names if text.lower() in name.lower()]
    if text.isdecimal() and int(text) < len(names):
        name = names[int(text)]
    elif text.isdecimal() and not names and format_ == "avfoundation":
        name = text  # this version of PyAV cannot list cameras: FFmpeg takes the number
    elif text.isdecimal():
        raise DataError(f"camera {text}: there is none: {_others(names)}")
    elif matching:
        name = matching[0]
    else:
        raise DataError(f"{text}: {_EXPECTED}; {_others(names)}")
    address = f"{name}:none" if format_ == "avfoundation" else f"video={name}"
    return Device(format_, address, f"camera {name}")


def _listed_cameras(format_: str) -> list[str]:
    [av] = require("live", "av")
    try:
        devices: Sequence[Any] = av.enumerate_input_devices(format_)
    except (AttributeError, OSError, ValueError):  # older than PyAV 17, or a system that does not list them
        return []
    return [
        device.description or device.name for device in devices if "video" in getattr(device, "media_types", ["video"])
    ]


def _linux_cameras() -> list[str]:
    return sorted(str(path) for path in Path("/dev").glob("video*"))


def _others(names: Sequence[str]) -> str:
    return f"the cameras here are {', '.join(names)}" if names else f"no camera was found; {_WITHOUT_CAMERA}"


def _attempts(device: Device, size: tuple[int, int]) -> list[dict[str, str]]:
    """Return the options to try, best first. Few cameras send large frames fast enough without compression."""
    asked = {"video_size": f"{size[0]}x{size[1]}", "framerate": _RATE}
    if device.format == "v4l2":
        return [{**asked, "input_format": "mjpeg"}, asked, {}]
    if device.format == "dshow":
        return [asked, {"video_size": asked["video_size"]}, {}]
    if device.format == "avfoundation":
        return [{**asked, "pixel_format": "nv12"}, {"framerate": _RATE, "pixel_format": "nv12"}, {"framerate": _RATE}]
    return [{}]


def _explain(device: Device, error: Exception) -> str:
    """Return the message for a device that cannot be opened."""
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        if sys.platform == "linux":
            advice = 'add yourself to the group "video" (sudo usermod -aG video "$USER"), and log in again'
        else:
            advice = "allow the terminal to use the camera in the privacy settings of the system"
        return f"{device.name}: no permission to use the camera: {advice}"
    if number == errno.EBUSY:
        return f"{device.name}: another program uses the camera: close that program"
    if number in (errno.ENOTTY, errno.ENODEV):
        return f"{device.name}: is no camera; {_WITHOUT_CAMERA}"
    if number == errno.ETIMEDOUT:
        return f"{device.name}: {_reason(error)}: unplug the camera and plug it in again, or try another one"
    privacy = "" if sys.platform == "linux" else ", and may this terminal use the camera (privacy settings)?"
    return f"{device.name}: cannot be opened ({_reason(error)}): is it plugged in{privacy or '?'}"


def _reason(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or error)
