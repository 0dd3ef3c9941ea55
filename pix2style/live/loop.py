"""The session of `pix2style live`: camera, filter and window work at the same time, each at its own speed.

One thread captures, one stylizes, and the main thread shows, because macOS demands that windows belong to it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from pix2style.errors import Pix2StyleError
from pix2style.live.camera_output import VirtualCamera
from pix2style.live.compose import compose
from pix2style.live.controls import LiveState, move_split, press
from pix2style.live.figures import LiveFigures
from pix2style.live.frame import StylizedFrame
from pix2style.live.looks import Looks
from pix2style.live.overlay import build_overlay
from pix2style.live.record import Recording
from pix2style.live.snapshot import write_snapshot
from pix2style.live.source import Capture, Source
from pix2style.live.stylize_thread import StylizeThread
from pix2style.live.window import KeyPress, SplitDrag, Window, WindowClosed, WindowEvent
from pix2style.live.work_size import WorkSize

_POLL_S = 0.015  # longest time between two looks at keys and mouse
_MESSAGE_S = 4.0


@dataclass(slots=True)
class LiveReport:
    """What a session did.

    Attributes:
        frames: Number of frames that were stylized and shown.
        dropped: Number of frames that were left out, before or after they were stylized, because newer ones had come.
        rate: Frames per second.
        latency_s: Mean time from the camera's frame to the window at the end, in seconds.
        width_px, height_px: Size at which the last frame was stylized.
        written: Snapshots and recordings.
        failures: A message for each snapshot and recording that could not be written.
    """

    frames: int = 0
    dropped: int = 0
    rate: float = 0.0
    latency_s: float = 0.0
    width_px: int = 0
    height_px: int = 0
    written: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LiveOutputs:
    """Where frames go besides the window.

    Attributes:
        folder: Folder of snapshots and recordings.
        virtual_camera: Open virtual camera; None for none.
    """

    folder: Path
    virtual_camera: VirtualCamera | None = None


def run_live(
    source: Source,
    looks: Looks,
    window: Window,
    outputs: LiveOutputs,
    state: LiveState,
    *,
    side_px: int | None = None,
    max_frames: int | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> LiveReport:
    """Stylize frames until the window is closed, the source ends, or Ctrl-C.

    Args:
        source: Open camera or clip. It is closed at the end.
        looks: The looks to choose from.
        window: Shows the frames.
        outputs: Where frames go besides the window.
        state: State of the controls at the beginning.
        side_px: Longer side at which frames are stylized; None for one that adapts.
        max_frames: Number of frames after which the session ends; None for no limit.
        on_message: Called with each thing that happened, for example that a snapshot was written.

    Raises:
        DataError: The camera failed. A recording is finished before.
    """
    session = _Session(source, looks, window, outputs, state=state, side_px=side_px, on_message=on_message)
    try:
        # Ctrl-C is how a session without a window ends.
        with contextlib.suppress(KeyboardInterrupt), _interrupts_end(session):
            session.run(max_frames)
    finally:
        session.close()
    return session.report


@contextlib.contextmanager
def _interrupts_end(session: _Session) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end a session after its present frame; a second one is an exception.

    An exception at any place could leave a lock of the other threads taken for ever, and closing would wait for it.
    Signals that end the program by default are left as they are.
    """
    is_main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    earlier = {number: signal.getsignal(number) for number in numbers}
    replaced = {number: handler for number, handler in earlier.items() if callable(handler)}

    def restore() -> None:
        for number, handler in replaced.items():
            signal.signal(number, handler)

    def end(_number: int, _frame: FrameType | None) -> None:
        restore()
        session.is_interrupted = True

    for number in replaced:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()


class _Session:
    is_interrupted = False

    def __init__(
        self,
        source: Source,
        looks: Looks,
        window: Window,
        outputs: LiveOutputs,
        *,
        state: LiveState,
        side_px: int | None,
        on_message: Callable[[str], None],
    ) -> None:
        self.report = LiveReport()
        self._names, self._window, self._outputs, self._on_message = looks.names, window, outputs, on_message
        self._state, self._snapshots = state, 0
        self._composed_state: LiveState | None = None
        self._figures = LiveFigures()
        self._size_px = (source.height_px, source.width_px)
        self._frame: StylizedFrame | None = None
        self._recording: Recording | None = None
        self._message, self._message_s = "", 0.0
        self._capture = Capture(source)
        self._stylizing = StylizeThread(self._capture.newest, looks, WorkSize(side_px), state)

    def run(self, max_frames: int | None) -> None:
        """Show frames until something ends the session."""
        results = self._stylizing.results
        while not (self._state.has_ended or self.is_interrupted or results.is_finished):
            frame = results.take(_POLL_S)
            self._capture.check_frames_come()
            if frame is not None:
                self._add(frame)
            self._handle(self._show(frame))
            self._apply_requests()
            if max_frames is not None and self._figures.frames >= max_frames:
                return
        results.take(0)  # raises what ended the threads

    def close(self) -> None:
        """End the threads, and finish the recording."""
        self._capture.stop()
        self._stylizing.stop()
        self._end_recording()
        if self._outputs.virtual_camera is not None:
            self._outputs.virtual_camera.close()
        self._window.close()
        figures, report = self._figures, self.report
        report.frames, report.rate, report.latency_s = figures.frames, figures.mean_rate, figures.latency_s
        report.dropped = self._capture.newest.dropped + self._stylizing.results.dropped

    def _add(self, frame: StylizedFrame) -> None:
        """Give a stylized frame to everything but the window."""
        self._frame = frame
        self.report.height_px, self.report.width_px = frame.photo.shape[:2]
        if self._outputs.virtual_camera is not None:
            self._outputs.virtual_camera.send(frame.stylized)
        self._apply_requests()
        if self._recording is not None:
            self._recording.add(frame.stylized, frame.captured.captured_s)
            if self._recording.has_failed:
                self._stop_recording()

    def _apply_requests(self) -> None:
        """Start or end a recording, and write snapshots, as the controls ask; they wait for the first frame."""
        if self._frame is None:
            return
        if self._state.is_recording and self._recording is None:
            self._start_recording()
        elif not self._state.is_recording and self._recording is not None:
            self._end_recording()
        while self._snapshots < self._state.snapshots:
            self._snapshots += 1
            self._write_snapshot(self._frame)

    def _show(self, frame: StylizedFrame | None) -> Sequence[WindowEvent]:
        """Show the last frame, which is composed anew only if it is a new one or the controls have changed."""
        image, size = None, None
        if self._frame is not None:
            size = (self._frame.photo.shape[0], self._frame.photo.shape[1])
            if frame is not None or self._state is not self._composed_state:
                image, self._composed_state = compose(self._frame.photo, self._frame.stylized, self._state), self._state
        message = self._message if time.monotonic() - self._message_s < _MESSAGE_S else ""
        overlay = build_overlay(self._state, self._names, self._figures, size, message)
        events = self._window.show(image, overlay, is_full_screen=self._state.is_full_screen)
        if frame is not None:
            self._figures.add(frame.captured.captured_s, time.monotonic())
        return events

    def _handle(self, events: Sequence[WindowEvent]) -> None:
        for event in events:
            match event:
                case KeyPress(key):
                    self._state = press(self._state, key)
                case SplitDrag(position):
                    self._state = move_split(self._state, position)
                case WindowClosed():
                    self._state = replace(self._state, has_ended=True)
        self._stylizing.state = self._state

    def _start_recording(self) -> None:
        try:
            self._recording = Recording(self._outputs.folder, *self._size_px)
            self._say(f"recording to {self._recording.path}")
        except Pix2StyleError as error:
            self._fail(error)
            self._stop_recording()

    def _stop_recording(self) -> None:
        """Record no more after a failure, and end the session if frames would go nowhere."""
        goes_on = self._window.is_visible or self._outputs.virtual_camera is not None
        self._state = replace(self._state, is_recording=False, has_ended=self._state.has_ended or not goes_on)

    def _end_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        try:
            path = recording.finish()
        except Pix2StyleError as error:
            self._fail(error)
            return
        if path is None:
            self._say("no frame came while recording, so there is no file")
        else:
            self.report.written.append(path)
            dropped = f" ({recording.dropped} frames were left out: encoding was too slow)" if recording.dropped else ""
            self._say(f"{path} written{dropped}")

    def _write_snapshot(self, frame: StylizedFrame) -> None:
        try:
            paths = write_snapshot(self._outputs.folder, frame)
        except Pix2StyleError as error:
            self._fail(error)
            return
        self.report.written += paths
        self._say(f"{paths[1]} written, and the photo beside it")

    def _fail(self, error: Pix2StyleError) -> None:
        self.report.failures.append(str(error))
        self._say(str(error))

    def _say(self, text: str) -> None:
        self._message, self._message_s = text, time.monotonic()
        self._on_message(text)
