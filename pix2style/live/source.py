"""Where frames come from: a clip, which is played at its own pace, a camera, or an address."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from pix2style.errors import DataError, require
from pix2style.home_paths import expand_home
from pix2style.images import Image8, resize
from pix2style.live.frame import CapturedFrame
from pix2style.live.newest import Newest

_NO_FRAME_S = 10.0


class Source(Protocol):
    """A camera, a clip or an address that is open.

    Attributes:
        name: Name for messages.
        height_px, width_px: Size of the frames.
        is_camera: Whether it is a camera that shows the person in front of it.
        is_clip: Whether it is a clip, whose frames may be shown for any time.
    """

    name: str
    height_px: int
    width_px: int
    is_camera: bool
    is_clip: bool

    def frames(self, stop: threading.Event) -> Iterator[Image8]:
        """Yield frames, uint8 [height, width, 3], when they are due, until `stop` is set or there are no more."""

    def close(self) -> None:
        """Release the camera."""


class ClipSource:
    """A clip, whose frames come at their times.

    Args:
        path: Path of the clip.
        loops: Whether the clip starts again at its end.
        on_note: Called with remarks about the clip.

    Raises:
        DataError: The file is no clip, or cannot be read.
    """

    is_camera, is_clip = False, True

    def __init__(self, path: Path, *, loops: bool, on_note: Callable[[str], None]) -> None:
        from pix2style.live.upright import size_in_square_pixels
        from pix2style.video.facts import read_facts

        self.name, self._loops, self._on_note = str(path), loops, on_note
        self._facts = read_facts(path)
        self.height_px, self.width_px = size_in_square_pixels(self._facts)

    def frames(self, stop: threading.Event) -> Iterator[Image8]:
        """Yield the frames, each when it is due."""
        from pix2style.video.read import read_frames

        noted: set[str] = set()

        def note_once(text: str) -> None:
            if text not in noted:
                noted.add(text)
                self._on_note(f"{self.name}: {text}")

        while True:
            start_s: float | None = None
            first_time = 0
            for frame in read_frames(self._facts, on_note=note_once):
                if start_s is None:
                    start_s, first_time = time.monotonic(), frame.time
                due_s = start_s + float((frame.time - first_time) * self._facts.time_base_s)
                if stop.wait(max(0.0, due_s - time.monotonic())):
                    return
                yield resize(frame.rgb, self.height_px, self.width_px)
            if start_s is None:
                raise DataError(f"{self.name}: holds no frame that can be decoded: it is damaged")
            if not self._loops or stop.wait(1 / max(float(self._facts.frame_rate), 1.0)):
                return

    def close(self) -> None:
        """There is nothing to release."""


def open_source(text: str, *, size: tuple[int, int], loops: bool, on_note: Callable[[str], None]) -> Source:
    """Open what `--source` names.

    Args:
        text: Path of a clip, number, name or path of a camera, or an address such as rtsp://HOST/PATH.
        size: Width and height that a camera is asked for.
        loops: Whether a clip starts again at its end.
        on_note: Called with remarks about the clip.

    Raises:
        DataError: There is no such clip or camera, or it cannot be opened.
    """
    from pix2style.live.camera import open_camera

    require("live", "av")
    if not text.isdecimal() and _is_no_device(path := Path(expand_home(text))):
        if path.is_dir():
            raise DataError(f"{text or path}: is a folder: name a clip in it")
        return ClipSource(path, loops=loops, on_note=on_note)
    return open_camera(text, size)


def _is_no_device(path: Path) -> bool:
    """Return whether something exists at the path that is no device."""
    try:
        return not stat.S_ISCHR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


class Capture:
    """Read frames in a thread of its own, which leaves the newest one in `newest`.

    Args:
        source: Where the frames come from.
    """

    def __init__(self, source: Source) -> None:
        self.newest: Newest[CapturedFrame] = Newest()
        self._source, self._stop = source, threading.Event()
        self._last_frame_s = time.monotonic()
        # A camera that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def check_frames_come(self) -> None:
        """Check that frames come.

        Raises:
            DataError: None has come from a camera for 10 seconds.
        """
        if not self._thread.is_alive():  # the source has ended, or `newest` holds its error
            return
        if not self._source.is_clip and time.monotonic() - self._last_frame_s > _NO_FRAME_S:
            raise DataError(
                f"{self._source.name}: no frame came for {_NO_FRAME_S:.0f} s: unplug the camera and plug it in again,"
                " and check that this program is allowed to use it"
            )

    def stop(self) -> None:
        """End the thread, and release the camera if it answers."""
        self._stop.set()
        self._thread.join(timeout=2.0)
        if not self._thread.is_alive():
            self._source.close()

    def _run(self) -> None:
        try:
            for rgb in self._source.frames(self._stop):
                self._last_frame_s = time.monotonic()
                self.newest.put(CapturedFrame(rgb, self._last_frame_s))
                if self._stop.is_set():
                    break
            self.newest.close()
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self.newest.close(error)
