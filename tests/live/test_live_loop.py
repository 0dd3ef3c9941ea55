"""Whole sessions with a stand-in for the camera and a window that follows a script."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from live_parts import Broken, Negative, Numbers, Red, ScriptedWindow, live, read_clip

from pix2style.errors import DataError
from pix2style.images import Image8, read_picture
from pix2style.live.controls import LiveState, View
from pix2style.live.window import KeyPress, Overlay, SplitDrag, WindowClosed, WindowEvent


def test_a_session_ends_with_its_source_and_closes_everything(tmp_path: Path) -> None:
    source, window = Numbers(count=12, pause_s=0.01), ScriptedWindow()
    report = live(tmp_path, source, window)
    assert source.is_closed
    assert window.is_closed
    assert report.frames + report.dropped == 12
    assert window.images[-1][0, 0, 0] == 11  # the photo of the last frame, left of the split
    assert window.images[-1][0, -1, 0] == 255 - 11
    assert window.threads == {threading.main_thread().name}  # as macOS demands
    assert list(tmp_path.iterdir()) == []  # nothing is stored unless asked
    assert not [thread for thread in threading.enumerate() if thread.name in ("capture", "stylize", "recording")]


def test_a_slow_filter_drops_frames_instead_of_falling_behind(tmp_path: Path) -> None:
    window = ScriptedWindow()
    report = live(tmp_path, Numbers(count=60, pause_s=0.01), window, Negative(0.1), state=LiveState(view=View.PHOTO))
    assert report.dropped > 20
    shown = [int(image[0, 0, 0]) for image in window.images]
    assert shown == sorted(set(shown))  # in order, none twice
    assert shown[-1] == 59
    assert report.latency_s < 2  # two frames of the filter, and what a busy machine adds; else it would be 5 s


def test_frames_limits_the_session(tmp_path: Path) -> None:
    window = ScriptedWindow()
    report = live(tmp_path, Numbers(count=10_000), window, max_frames=5)
    assert report.frames == len(window.images) == 5


def test_keys_change_look_strength_view_and_full_screen(tmp_path: Path) -> None:
    window = ScriptedWindow(
        {
            3: [KeyPress("v")],
            8: [KeyPress("2"), KeyPress("f")],
            16: [KeyPress("1"), *[KeyPress("down")] * 5],
            24: [KeyPress("q")],
        }
    )
    live(tmp_path, Numbers(count=10_000, step=0), window, Negative(), Red(), state=LiveState(looks=2, split=1.0))
    assert len(set(window.images[1].reshape(-1, 3)[:, 0])) == 1  # photo only: the split is at the right
    assert window.images[6][0, 0, 0] > 200  # stylized
    assert window.images[14][0, 0].tolist() == [255, 0, 0]
    assert window.images[23][0, 0].tolist() == pytest.approx([127.5] * 3, abs=1)  # half of the negative
    assert window.full_screen[0] is False
    assert window.full_screen[-1] is True
    assert any("2/2  look 1" in overlay.lines[0] for overlay in window.overlays)


def test_the_split_follows_the_mouse(tmp_path: Path) -> None:
    window = ScriptedWindow({2: [SplitDrag(0.25)], 5: [WindowClosed()]})
    live(tmp_path, Numbers(count=10_000, step=0), window, Red())
    last = window.images[4][0, :, 0]
    assert (last[:16] < 255).all()
    assert (last[16:] == 255).all()


def test_a_still_window_is_not_composed_anew(tmp_path: Path) -> None:
    window = ScriptedWindow()
    live(tmp_path, Numbers(count=3, pause_s=0.1), window)
    assert len(window.images) <= 3 < len(window.overlays)  # keys are looked at in between


def test_snapshots_hold_photo_and_stylized_and_never_overwrite(tmp_path: Path) -> None:
    keys = [KeyPress("s")]
    window = ScriptedWindow({2: keys, 4: keys * 2, 6: [*keys, KeyPress("q")]})  # the last one at the very end
    report = live(tmp_path, Numbers(count=10_000, height_px=49, width_px=65), window, side_px=32)
    files = sorted(tmp_path.iterdir())
    assert len(files) == len(set(files)) == len(report.written) == 8
    assert sorted(report.written) == files
    for stylized in tmp_path.glob("*-stylized.png"):
        photo = read_picture(stylized.with_name(stylized.name.replace("stylized", "photo"))).rgb
        assert photo.shape == (49, 65, 3)
        assert np.array_equal(read_picture(stylized).rgb, 255 - photo)


def test_snapshots_that_cannot_be_written_are_reported_and_the_session_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    window = ScriptedWindow({2: [KeyPress("s"), KeyPress("r")], 6: [KeyPress("q")]})
    messages: list[str] = []
    report = live(tmp_path / "file", Numbers(count=10_000), window, on_message=messages.append)
    assert len(report.failures) == len(messages) == 2
    assert len(window.images) == 6
    assert report.failures == messages
    assert all(message.startswith(str(tmp_path / "file")) for message in messages)
    assert messages[1] in {overlay.message for overlay in window.overlays}


def test_without_a_window_a_recording_that_fails_ends_the_session(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    source, window = Numbers(count=10_000), ScriptedWindow(is_visible=False)
    report = live(tmp_path / "file", source, window, state=LiveState(is_recording=True))
    assert len(report.failures) == 1
    assert report.frames < 100


def test_a_recording_holds_what_was_stylized_at_the_times_of_the_camera(tmp_path: Path) -> None:
    window = ScriptedWindow({5: [KeyPress("r")], 25: [KeyPress("r")], 30: [KeyPress("q")]})
    report = live(tmp_path, Numbers(count=10_000, pause_s=0.02), window)
    [path] = tmp_path.iterdir()
    assert report.written == [path]
    assert path.suffix == ".mp4"
    frames, times = read_clip(path)
    assert len(frames) in (19, 20, 21)
    brightness = [float(frame.mean()) for frame in frames]
    assert brightness == pytest.approx([255 - float(window.images[5 + i][0, 0, 0]) for i in range(len(frames))], abs=4)
    steps = np.diff([0, *times[1:]])
    assert (steps > 0.015).all()


def test_a_recording_that_ends_before_a_frame_comes_is_said_to_have_no_file(tmp_path: Path) -> None:
    class OneFrame(Numbers):
        def frames(self, stop: threading.Event) -> Iterator[Image8]:
            yield np.zeros((48, 64, 3), np.uint8)
            stop.wait()

    class BetweenTwoFrames(ScriptedWindow):
        """Starts and ends a recording, and then the session, while the first frame is shown."""

        keys = "rrq"

        def show(self, image: Image8 | None, overlay: Overlay, *, is_full_screen: bool) -> Sequence[WindowEvent]:
            super().show(image, overlay, is_full_screen=is_full_screen)
            if not self.images:
                return ()
            key, self.keys = self.keys[:1], self.keys[1:]
            return [KeyPress(key)]

    messages: list[str] = []
    report = live(tmp_path, OneFrame(), BetweenTwoFrames(), on_message=messages.append)
    assert messages[1:] == ["no frame came while recording, so there is no file"]
    assert (report.frames, report.written, list(tmp_path.iterdir())) == (1, [], [])


def test_a_session_that_ends_finishes_its_recording(tmp_path: Path) -> None:
    report = live(tmp_path, Numbers(count=10), state=LiveState(is_recording=True))
    [path] = tmp_path.iterdir()
    assert len(read_clip(path)[0]) == report.frames


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_signal_does_not_break_into_what_is_under_way(tmp_path: Path) -> None:
    """An exception between taking a lock and the work under it would leave the lock taken for ever."""
    went_on: list[int] = []

    class Signalled(ScriptedWindow):
        def show(self, *arguments: object, **options: object) -> tuple[()]:
            super().show(*arguments, **options)  # type: ignore[arg-type]
            if len(self.images) == 8:
                signal.raise_signal(signal.SIGINT)
                went_on.append(len(self.images))
            return ()

    handler = signal.getsignal(signal.SIGINT)
    report = live(tmp_path, Numbers(count=10_000), Signalled(), state=LiveState(is_recording=True))
    assert went_on == [8]
    assert signal.getsignal(signal.SIGINT) is handler
    [path] = tmp_path.iterdir()
    assert len(read_clip(path)[0]) == report.frames == 8


def test_ctrl_c_ends_it_like_any_other_end(tmp_path: Path) -> None:
    class Interrupted(ScriptedWindow):
        def show(self, *arguments: object, **options: object) -> tuple[()]:
            super().show(*arguments, **options)  # type: ignore[arg-type]
            if len(self.images) == 8:
                raise KeyboardInterrupt
            return ()

    source, window = Numbers(count=10_000), Interrupted()
    report = live(tmp_path, source, window, state=LiveState(is_recording=True))
    assert source.is_closed
    assert window.is_closed
    [path] = report.written
    assert len(read_clip(path)[0]) == 8


@pytest.mark.parametrize("error", [DataError("numbers: stopped: was it unplugged?"), RuntimeError("bug")])
def test_an_error_of_the_camera_ends_it_after_the_recording_is_finished(tmp_path: Path, error: Exception) -> None:
    source, window = Numbers(count=10, error=error), ScriptedWindow()
    with pytest.raises(type(error), match=str(error).replace("?", ".")):
        live(tmp_path, source, window, state=LiveState(is_recording=True))
    assert source.is_closed
    assert window.is_closed
    [path] = tmp_path.iterdir()
    assert len(read_clip(path)[0]) == len(window.images)


def test_an_error_of_the_filter_ends_the_session(tmp_path: Path) -> None:
    source = Numbers(count=10_000)
    with pytest.raises(RuntimeError, match="the filter broke"):
        live(tmp_path, source, None, Broken())
    assert source.is_closed


def test_a_camera_that_sends_nothing_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pix2style.live.source._NO_FRAME_S", 0.2)
    with pytest.raises(DataError, match="numbers: no frame came for"):
        live(tmp_path, Numbers(pause_s=60.0))


def test_a_source_that_ends_while_a_filter_is_slow_is_no_silent_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pix2style.live.source._NO_FRAME_S", 0.2)
    assert live(tmp_path, Numbers(count=1), None, Negative(0.6)).frames == 1


def test_frames_that_the_window_does_not_take_in_time_are_counted(tmp_path: Path) -> None:
    report = live(tmp_path, Numbers(count=30, pause_s=0.02), ScriptedWindow(seconds=0.1))
    assert report.frames + report.dropped == 30
    assert report.dropped


def test_a_stylizer_of_minutes_does_not_hold_up_the_end(tmp_path: Path) -> None:
    class Impatient(ScriptedWindow):
        def show(self, *arguments: object, **options: object) -> list[WindowClosed]:
            super().show(*arguments, **options)  # type: ignore[arg-type]
            return [WindowClosed()] if len(self.overlays) > 3 else []

    begin = time.monotonic()
    report = live(tmp_path, Numbers(count=10_000), Impatient(), Negative(8.0))
    assert time.monotonic() - begin < 5
    assert report.frames == 0
