"""The command `pix2style live`, on machines without a camera and without a display."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from live_parts import read_clip, write_clip

from pix2style.cli import main

Live = Callable[..., tuple[int, str, str]]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], negative_filter: Path) -> Live:
    """Run the command with a filter in this process: returns exit code, stdout and stderr."""

    def run(*arguments: object, filters: tuple[object, ...] = (negative_filter,)) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pix2style", "live", *map(str, filters), *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", count=8, rate=50)


def test_a_clip_is_stylized_and_recorded_without_a_window(live: Live, clip: Path, tmp_path: Path) -> None:
    code, out, err = live("--source", clip, "--no-window", "--record", "-o", tmp_path / "out", "--steady", "off")
    assert code == 0, err
    [path] = (tmp_path / "out").iterdir()
    assert out.endswith(f"written: {path}\n")
    assert f"note: recording to {path}\n" in err
    assert len(err.splitlines()) == 2
    frames, _ = read_clip(path)
    assert int(out.split()[0]) == len(frames)
    assert float(frames[-1].mean()) == pytest.approx(255 - (20 + 200 * 7 / 8), abs=6)


def test_frames_that_go_nowhere_are_noted(live: Live, clip: Path) -> None:
    code, _, err = live("--source", clip, "--no-window")
    assert code == 0
    assert "frames go nowhere: add --record or --virtual-camera" in err


def test_the_report_in_json(live: Live, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = live("--source", clip, "--no-window", "--frames", "3", "--loop", "--json", "--size", "32")
    report = json.loads(out)
    assert code == 0
    assert (report["frames"], report["width_px"], report["height_px"]) == (3, 32, 24)
    assert report["written"] == report["failures"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]  # nothing is stored unless asked


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--source", "77"), 3, "camera 77: there is none"),
        (("--source", "nothing.mp4"), 3, "nothing.mp4: no such clip or camera"),
        (("--source", "{clip}", "--camera-size", "big"), 2, "--camera-size big: give width and height"),
        (("--source", "{clip}", "--virtual-camera"), 3, "--virtual-camera: no virtual camera can be used: "),
        (("--source", "{clip}", "--strength", "2"), 2, "--strength"),
    ],
)
def test_errors_are_one_short_message(
    live: Live, clip: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    filled = [argument.format(clip=clip) for argument in arguments]
    done, out, err = live(*filled, "--no-window")
    assert (done, out) == (code, "")
    assert message in err
    assert err.startswith("pix2style: ") or code == 2


@pytest.mark.skipif(sys.platform != "linux", reason="displays of Linux")
def test_no_display_is_an_error_with_advice(live: Live, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = live("--source", clip)
    assert code == 2
    assert err.startswith("pix2style: there is no display for a window (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("module", ["av", "pygame", "pyvirtualcam"])
def test_a_missing_package_names_the_extra(
    live: Live, clip: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    code, _, err = live("--source", clip, "--virtual-camera")
    if module == "pygame":  # asked for last
        assert code in (3, 5)
        code, _, err = live("--source", clip)
    assert code == 5
    assert f"this needs {module}, which is not installed: install the extra live" in err


def test_frames_go_to_a_virtual_camera(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Camera:
        device = "/dev/video9"

        def __init__(self, width: int, height: int, fps: float) -> None:
            self.shape = (height, width, 3)

        def send(self, frame: Any) -> None:
            assert frame.shape == self.shape
            assert frame.flags.c_contiguous
            sent.append(frame.copy())

        def close(self) -> None:
            sent.append(None)

    module = ModuleType("pyvirtualcam")
    module.Camera = Camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    clip = write_clip(tmp_path / "odd.mkv", count=5, height=50, width=66)
    code, _, err = live("--source", clip, "--virtual-camera", "--no-window", "--size", "33")
    assert code == 0
    assert "choose /dev/video9 in the other program" in err
    assert sent.pop() is None
    assert {frame.shape for frame in sent} == {(50, 66, 3)}
    assert np.ptp(sent[0]) < 4


def test_filters_and_styles_are_looks(
    live: Live, clip: Path, monkeypatch: pytest.MonkeyPatch, negative_filter: Path
) -> None:
    from pix2style.live import loop

    names: list[tuple[str, ...]] = []

    def run(_source: object, looks: Any, *_: object, **options: object) -> loop.LiveReport:
        names.append(looks.names)
        assert [looks.stylizer(number) for number in range(len(looks.names))]
        return loop.LiveReport()

    monkeypatch.setattr(loop, "run_live", run)
    code, _, err = live("--source", clip, "--no-window", "--frames", "1", filters=(negative_filter, negative_filter))
    assert (code, err) == (0, "")
    assert names == [("negative", "negative")]


def program(*arguments: object) -> subprocess.Popen[str]:
    # A shell that starts the tests in the background makes programs ignore Ctrl-C.
    return subprocess.Popen(
        [sys.executable, "-m", "pix2style", "live", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PIX2STYLE_QUIET": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,  # noqa: PLW1509
    )


def wait_for_bytes(folder: Path, size: int) -> Path:
    for _ in range(600):
        for path in folder.glob("*.partial.mp4"):
            if path.stat().st_size > size:
                return path
        time.sleep(0.05)
    raise AssertionError("nothing was recorded")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_recording(
    clip: Path, tmp_path: Path, negative_filter: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    arguments = (negative_filter, "--source", clip, "--no-window", "--loop", "--record", "-o", out)
    running = program(*arguments)
    wait_for_bytes(out, 1000)
    running.send_signal(number)
    stdout, stderr = running.communicate(timeout=30)
    assert (running.returncode, stderr) == (0, "")
    [path] = out.iterdir()
    assert path.suffixes == [".mp4"]
    assert len(read_clip(path)[0]) == int(stdout.split()[0].replace(",", ""))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_after_a_kill_the_recording_can_be_played(clip: Path, tmp_path: Path, negative_filter: Path) -> None:
    out = tmp_path / "out"
    running = program(negative_filter, "--source", clip, "--no-window", "--loop", "--record", "-o", out)
    wait_for_bytes(out, 3000)
    running.kill()
    running.communicate()
    [path] = out.iterdir()
    assert path.name.endswith(".partial.mp4")
    assert len(read_clip(path)[0]) >= 10
