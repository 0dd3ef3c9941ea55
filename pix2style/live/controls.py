"""What a person can change while `pix2style live` runs, and which keys change it; without any window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from pix2style.steady import SteadyMode

_STRENGTH_STEP = 0.1
_SPLIT_STEP = 0.05
_Choice = TypeVar("_Choice", bound=StrEnum)


class View(StrEnum):
    """What the window shows."""

    SPLIT = "split"
    STYLIZED = "stylized"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class LiveState:
    """Everything that keys and mouse change.

    Attributes:
        looks: Number of looks to choose from. A look is a filter, or one style of a filter that holds several.
        look: Number of the chosen look, from 0.
        strength: Strength of the style, from 0 (the photo) to 1.
        view: What the window shows.
        split: Position of the split line, from 0 (left, all is stylized) to 1 (right, all is photo).
        is_mirrored: Whether the window shows left and right exchanged, as a mirror does.
        steady: How strokes are kept in place.
        shows_help: Whether the list of keys is shown.
        shows_figures: Whether frames/s and settings are shown.
        is_full_screen: Whether the window fills the screen.
        is_recording: Whether stylized frames are recorded.
        snapshots: Number of snapshots that were asked for so far.
        has_ended: Whether the session is to end.
    """

    looks: int = 1
    look: int = 0
    strength: float = 1.0
    view: View = View.SPLIT
    split: float = 0.5
    is_mirrored: bool = False
    steady: SteadyMode = SteadyMode.LOCK
    shows_help: bool = False
    shows_figures: bool = True
    is_full_screen: bool = False
    is_recording: bool = False
    snapshots: int = 0
    has_ended: bool = False


HELP = (
    ("1 to 9, Tab", "choose the filter or style"),
    ("Up, Down", "strength of the style"),
    ("Left, Right, mouse", "move the split"),
    ("V", "split, stylized, photo"),
    ("T", "steadiness: off, lock, full"),
    ("S", "snapshot: photo and stylized, PNG"),
    ("R", "start or end a recording, MP4"),
    ("M", "mirror the window"),
    ("F", "full screen"),
    ("O", "show or hide the numbers"),
    ("H", "show or hide this help"),
    ("Q, Esc", "quit"),
)
"""Keys, and what they do, for the help in the window."""


def press(state: LiveState, key: str) -> LiveState:  # noqa: PLR0912 - one case for each key
    """Return the state after a key was pressed. Unknown keys change nothing.

    Args:
        state: State before.
        key: A character, lower case, or one of `tab`, `shift tab`, `up`, `down`, `left`, `right`, `escape`.
    """
    match key:
        case "tab":
            return choose_look(state, (state.look + 1) % state.looks)
        case "shift tab":
            return choose_look(state, (state.look - 1) % state.looks)
        case "up" | "down":
            step = _STRENGTH_STEP if key == "up" else -_STRENGTH_STEP
            return replace(state, strength=_limited(state.strength + step))
        case "left" | "right":
            return move_split(state, state.split + (_SPLIT_STEP if key == "right" else -_SPLIT_STEP))
        case "v":
            return replace(state, view=_next(View, state.view))
        case "t":
            return replace(state, steady=_next(SteadyMode, state.steady))
        case "s":
            return replace(state, snapshots=state.snapshots + 1)
        case "r":
            return replace(state, is_recording=not state.is_recording)
        case "m":
            return replace(state, is_mirrored=not state.is_mirrored)
        case "f":
            return replace(state, is_full_screen=not state.is_full_screen)
        case "o":
            return replace(state, shows_figures=not state.shows_figures)
        case "h" | "?":
            return replace(state, shows_help=not state.shows_help)
        case "escape" if state.is_full_screen:
            return replace(state, is_full_screen=False)
        case "q" | "escape":
            return replace(state, has_ended=True)
    return choose_look(state, int(key) - 1) if key in tuple("123456789") else state


def choose_look(state: LiveState, look: int) -> LiveState:
    """Return the state with another look; a number that no look has changes nothing."""
    return replace(state, look=look) if 0 <= look < state.looks else state


def move_split(state: LiveState, split: float) -> LiveState:
    """Return the state with the split line elsewhere; a view without a split line becomes the one that has it."""
    return replace(state, split=_limited(split), view=View.SPLIT)


def _limited(value: float) -> float:
    """Return a value limited to [0, 1], without the rounding errors that steps of 0.1 add up."""
    return min(max(round(value, 4), 0.0), 1.0)


def _next(kind: type[_Choice], value: _Choice) -> _Choice:
    values = list(kind)
    return values[(values.index(value) + 1) % len(values)]
