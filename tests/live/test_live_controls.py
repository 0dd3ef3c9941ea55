"""What keys and mouse change."""

from __future__ import annotations

import numpy as np
import pytest

from pix2style.live.compose import compose
from pix2style.live.controls import HELP, LiveState, View, move_split, press
from pix2style.live.figures import LiveFigures
from pix2style.live.overlay import build_overlay
from pix2style.steady import SteadyMode


def pressed(state: LiveState, *keys: str) -> LiveState:
    for key in keys:
        state = press(state, key)
    return state


def test_digits_and_tab_choose_among_the_looks_there_are() -> None:
    state = LiveState(looks=3)
    assert [press(state, key).look for key in ("1", "2", "3", "4", "9")] == [0, 1, 2, 0, 0]
    assert [pressed(state, *["tab"] * number).look for number in range(5)] == [0, 1, 2, 0, 1]
    assert press(state, "shift tab").look == 2
    assert press(LiveState(), "tab").look == 0


def test_strength_goes_in_exact_tenths_and_stays_between_0_and_1() -> None:
    down = [pressed(LiveState(), *["down"] * number).strength for number in range(12)]
    assert down == [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0]
    assert pressed(LiveState(strength=0.0), *["up"] * 3).strength == 0.3
    assert press(LiveState(), "up").strength == 1.0


def test_the_split_moves_within_the_image_and_comes_back() -> None:
    assert press(LiveState(), "left").split == 0.45
    assert pressed(LiveState(), *["right"] * 20).split == 1.0
    assert move_split(LiveState(), -3.0).split == 0.0
    assert move_split(LiveState(view=View.PHOTO), 0.2) == LiveState(split=0.2)


def test_switches() -> None:
    state = LiveState()
    for key, name in {"m": "is_mirrored", "f": "is_full_screen", "r": "is_recording", "h": "shows_help"}.items():
        assert getattr(press(state, key), name)
        assert pressed(state, key, key) == state
    assert not press(state, "o").shows_figures
    assert press(state, "?") == press(state, "h")
    assert [pressed(state, *["v"] * number).view for number in range(4)] == ["split", "stylized", "photo", "split"]
    assert [pressed(state, *["t"] * number).steady for number in range(3)] == ["lock", "full", "off"]
    assert pressed(state, "s", "s").snapshots == 2


def test_escape_leaves_full_screen_first_and_then_the_program() -> None:
    assert pressed(LiveState(), "f", "escape") == LiveState()
    assert pressed(LiveState(), "f", "escape", "escape").has_ended
    assert press(LiveState(), "q").has_ended


@pytest.mark.parametrize("key", ["", "x", "ä", "10", "0", "f13", "²"])
def test_other_keys_change_nothing(key: str) -> None:
    state = LiveState(looks=12)
    assert press(state, key) is state


def test_the_help_names_every_key() -> None:
    words = " ".join(keys for keys, _ in HELP).lower()
    for key in ("1 to 9", "tab", "up", "down", "left", "right", "mouse", "esc"):
        assert key in words
    assert set("vtsrmfohq") <= set(words.replace(",", "").split())


def test_compose_puts_the_photo_left_of_the_split_also_in_a_mirror() -> None:
    photo, stylized = np.zeros((2, 10, 3), np.uint8), np.full((2, 10, 3), 200, np.uint8)
    photo[:, 0], stylized[:, 0] = 7, 207

    def row(**settings: object) -> list[int]:
        return compose(photo, stylized, LiveState(**settings))[0, :, 0].tolist()  # type: ignore[arg-type]

    assert row(split=0.3) == [7, 0, 0, *[200] * 7]
    assert row(split=0.3, is_mirrored=True) == [0, 0, 0, *[200] * 6, 207]
    assert row(split=0.0) == row(view=View.STYLIZED) == [207, *[200] * 9]
    assert row(split=1.0) == row(view=View.PHOTO) == [7, *[0] * 9]


def test_the_overlay_says_filter_settings_and_measured_speed() -> None:
    figures = LiveFigures()
    for number in range(31):
        figures.add(captured_s=number / 20, shown_s=number / 20 + 0.04)
    state = LiveState(looks=2, look=1, strength=0.7, steady=SteadyMode.OFF)
    overlay = build_overlay(state, ["a", "wave"], figures, (360, 640), "written")
    assert overlay.lines == (
        "2/2  wave   strength 0.7   steady off",
        "20.0 frames/s   40 ms   640x360   H: help",
    )
    assert (overlay.message, overlay.split, overlay.help) == ("written", 0.5, ())
    hidden = build_overlay(pressed(state, "o", "h", "v", "r"), ["a", "wave"], figures, None, "")
    assert (hidden.lines, hidden.split, hidden.help, hidden.is_recording) == ((), None, HELP, True)


def test_figures_are_those_of_late_and_those_of_all() -> None:
    figures = LiveFigures()
    assert (figures.rate, figures.mean_rate, figures.latency_s) == (0, 0, 0)
    for number in range(10):
        figures.add(number, number + 0.5)  # one frame a second
    for number in range(60):
        figures.add(10 + number / 30, 10 + number / 30 + 0.1)
    assert figures.rate == pytest.approx(30, rel=0.01)
    assert figures.latency_s == pytest.approx(0.1)
    assert figures.mean_rate == pytest.approx(69 / 11.57, rel=0.01)
