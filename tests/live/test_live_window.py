"""The real window: drawn into memory by SDL, and, where there is one, on a virtual display with real keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_parts import read_clip, write_clip
from plain_filters import int8_graph, write_filter

from pix2style.errors import ConfigError
from pix2style.images import Image8, read_picture
from pix2style.live.controls import HELP
from pix2style.live.window import KeyPress, NoWindow, Overlay, SplitDrag, WindowClosed

pygame = pytest.importorskip("pygame")


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from pix2style.live.sdl_window import SdlWindow

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    opened = SdlWindow("test", 360, 640)
    yield opened
    opened.close()


def pixels() -> Image8:
    surface = pygame.display.get_surface()
    data = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return data.reshape(surface.get_height(), surface.get_width(), 3)


def show(window: Any, image: Image8 | None, **overlay: Any) -> list[Any]:
    is_full_screen = overlay.pop("is_full_screen", False)
    return list(window.show(image, Overlay(**overlay), is_full_screen=is_full_screen))


HALVES = np.concatenate([np.full((90, 80, 3), (250, 0, 0), np.uint8), np.full((90, 80, 3), (0, 0, 250), np.uint8)], 1)


def test_an_image_fills_the_window_and_keeps_its_shape(window: Any) -> None:
    show(window, HALVES)
    assert pixels().shape == (360, 640, 3)
    assert pixels()[180, 100].tolist() == [250, 0, 0]
    assert pixels()[180, 540].tolist() == [0, 0, 250]
    show(window, HALVES[:, 60:100])  # upright: black at the sides
    assert pixels()[180, 100].tolist() == [0, 0, 0]
    assert pixels()[180, 300].tolist() == [250, 0, 0]


def test_text_help_message_and_split_are_drawn_over_the_image(window: Any) -> None:
    show(window, HALVES)
    plain = pixels().copy()
    show(window, None, lines=("one", "two"))  # None keeps the image
    changed = (pixels() != plain).any(axis=2)
    assert changed[:80, :200].any()
    assert not changed[100:].any()
    show(window, None, split=0.25)
    assert pixels()[10, 160].tolist() == [255, 255, 255]
    assert pixels()[10, 170].tolist() == [250, 0, 0]
    show(window, None, message="a long message " * 30, is_recording=True)
    changed = (pixels() != plain).any(axis=2)
    assert changed[300:].any()
    assert changed[:50, 560:].any()
    show(window, None, help=HELP)
    assert ((pixels() != plain).any(axis=2)[100:260, 150:490]).all()


def test_full_screen_and_back(window: Any) -> None:
    show(window, HALVES, is_full_screen=True)
    assert pixels().shape[:2] == pygame.display.get_desktop_sizes()[0][::-1]
    assert pixels()[200, 60].tolist() == [250, 0, 0]
    show(window, HALVES)
    assert pixels().shape == (360, 640, 3)


def key(name: str, kind: int = pygame.KEYDOWN, **values: Any) -> Any:
    code = pygame.key.key_code(name)
    character = name if len(name) == 1 else ""
    return pygame.event.Event(kind, {"key": code, "unicode": character, "scancode": 0, "mod": 0, **values})


def post(window: Any, *events: Any) -> list[Any]:
    pygame.event.clear()
    for event in events:
        pygame.event.post(event)
    return show(window, None)


def test_keys_are_named_whatever_the_keyboard(window: Any) -> None:
    shift = {"mod": pygame.KMOD_LSHIFT}
    events = [key("s", unicode="S"), key("up"), key("tab"), key("tab", pygame.KEYUP), key("tab", **shift)]
    assert post(window, *events) == [KeyPress("s"), KeyPress("up"), KeyPress("tab"), KeyPress("shift tab")]
    # The key of the digit 1 gives & on a French keyboard.
    assert post(window, key("&", scancode=30)) == [KeyPress("1")]
    # The key of the letter R gives another letter on a Russian keyboard.
    assert post(window, key("r", unicode="к", scancode=21)) == [KeyPress("r")]
    assert post(window, key("escape"), key("f1")) == [KeyPress("escape"), KeyPress("")]


def test_a_key_that_is_held_repeats_only_if_it_moves_something(window: Any) -> None:
    held = [key("s"), key("s"), key("left"), key("left"), key("s", pygame.KEYUP), key("s")]
    assert post(window, *held) == [KeyPress("s"), KeyPress("left"), KeyPress("left"), KeyPress("s")]


def test_the_mouse_moves_the_split_while_its_button_is_held(window: Any) -> None:
    show(window, HALVES)
    down = pygame.event.Event(pygame.MOUSEBUTTONDOWN, {"pos": (160, 50), "button": 1})
    wheel = pygame.event.Event(pygame.MOUSEBUTTONDOWN, {"pos": (10, 50), "button": 4})
    drag = pygame.event.Event(pygame.MOUSEMOTION, {"pos": (900, 50), "buttons": (1, 0, 0), "rel": (1, 0)})
    move = pygame.event.Event(pygame.MOUSEMOTION, {"pos": (20, 50), "buttons": (0, 0, 0), "rel": (1, 0)})
    assert post(window, down, wheel, drag, move) == [SplitDrag(0.25), SplitDrag(1.0)]
    assert post(window, pygame.event.Event(pygame.QUIT)) == [WindowClosed()]


@pytest.mark.parametrize("size", [(1, 1), (7, 3000), (2160, 3840)])
def test_frames_of_any_shape_get_a_window_that_fits_on_the_screen(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    from pix2style.live.sdl_window import SdlWindow

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = SdlWindow("test", *size)
    show(window, np.zeros((*size, 3), np.uint8), lines=("text",), help=HELP, split=0.5)
    screen = pygame.display.get_desktop_sizes()[0]
    assert pygame.display.get_surface().get_width() <= screen[0]
    assert pygame.display.get_surface().get_height() <= screen[1]
    window.close()


@pytest.mark.parametrize("size", [(1, 1), (30, 400), (41, 20), (130, 60)])
def test_a_window_of_any_size_can_be_drawn(window: Any, size: tuple[int, int]) -> None:
    pygame.display.set_mode(size, pygame.RESIZABLE)
    show(window, HALVES, lines=("text",), message="message", help=HELP, split=0.5, is_recording=True)
    assert pixels().shape == (*size[::-1], 3)


@pytest.mark.skipif(sys.platform != "linux", reason="displays of Linux")
@pytest.mark.parametrize("display", [None, ":4711"])
def test_no_display_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], display: str | None
) -> None:
    from pix2style.live.sdl_window import SdlWindow

    for name in ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY", "DISPLAY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(ConfigError, match=r"there is no display for a window .*--no-window"):
        SdlWindow("test", 360, 640)
    assert capfd.readouterr().err == ""


def test_no_window_shows_nothing() -> None:
    window = NoWindow()
    assert list(window.show(None, Overlay(), is_full_screen=False)) == []
    window.close()


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """A virtual display."""
    for program in ("Xvfb", "xdotool", "import"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        number = stream.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


class Session:
    """The command with a clip of changing brightness, on a display whose pixels and keys are real."""

    def __init__(self, display: str, folder: Path, *filters: Path) -> None:
        clip = write_clip(folder / "clip.mp4", count=30, rate=10, height=240, width=320)
        self._environment = {**os.environ, "DISPLAY": display}
        self._environment.pop("SDL_VIDEODRIVER", None)
        self._shot = folder / "shot.png"
        command = [sys.executable, "-m", "pix2style", "live", *map(str, filters), "--source", str(clip)]
        command += ["-o", str(folder), "--size", "320"]
        self.program = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.kill()
        self.program.wait()

    def press(self, *keys: str) -> None:
        subprocess.run(["xdotool", "key", *keys], env=self._environment, check=True)

    def halves(self) -> tuple[int, int]:
        """Return the levels of the photo, which is on the left at first, and of the stylized photo beside it."""
        subprocess.run(["import", "-window", "root", str(self._shot)], env=self._environment, check=True)
        screen = read_picture(self._shot).rgb.astype(int)
        return int(screen[400, 250].mean()), int(screen[400, 600].mean())

    def wait_for_halves(self, expected: Callable[[int], int]) -> None:
        """Wait until the right half shows what is expected of the left one, while that is not nearly grey of 128."""

        def is_so() -> bool:
            left, right = self.halves()
            return 10 < left < 245 and abs(left - 128) > 30 and abs(right - expected(left)) < 16

        self.wait_for(is_so)

    def wait_for_another_frame(self) -> None:
        """Wait until the photo on the left is another one than now."""
        before, _ = self.halves()
        self.wait_for(lambda: self.halves()[0] != before)

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        for _ in range(300):  # a busy machine takes a while to start; text comes before the first frame
            if is_so():
                return
            assert self.program.poll() is None, self.program.communicate()
            time.sleep(0.2)
        pytest.fail("what was waited for did not come")


def negative(level: int) -> int:
    return 255 - level


def same(level: int) -> int:
    return level


def test_the_whole_command_on_a_virtual_display_with_real_keys(
    display: str, tmp_path: Path, negative_filter: Path
) -> None:
    smooth = write_filter(tmp_path / "smooth.onnx", int8_graph(), size_multiple=1)
    with Session(display, tmp_path, negative_filter, smooth) as session:
        session.wait_for_halves(negative)
        session.press(*["Left"] * 10)  # all of the window is stylized
        session.wait_for_halves(same)
        session.press(*["Right"] * 10)
        session.wait_for_halves(negative)
        session.press(*["Down"] * 5)
        session.wait_for_halves(lambda _: 128)
        session.press("Tab", *["Up"] * 5)  # the other filter only smooths
        session.wait_for_halves(same)
        session.press("1")
        session.wait_for_halves(negative)
        session.press("r")
        session.wait_for(lambda: any(tmp_path.glob("live-*.partial.mp4")))
        session.wait_for_another_frame()  # a recording without a frame leaves no file
        session.press("s", "r")
        session.wait_for(lambda: not any(tmp_path.glob("live-*.partial.mp4")))
        session.press("q")
        out, err = session.program.communicate(timeout=60)
    assert session.program.returncode == 0, err
    assert "stylized" in out
    assert len(list(tmp_path.glob("live-*-stylized.png"))) == 1
    [recording] = tmp_path.glob("live-*.mp4")
    frames, times = read_clip(recording)
    assert frames  # on a busy machine there may be only one between the keys
    assert times == sorted(times)
