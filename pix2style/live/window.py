"""The interface of windows: what they are given to show, and what they report. `sdl_window` has the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pix2style.images import Image8


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A key was pressed; its name is as in `controls.press`."""

    key: str


@dataclass(frozen=True, slots=True)
class SplitDrag:
    """The mouse was dragged to this place, as a share of the width of the image."""

    position: float


@dataclass(frozen=True, slots=True)
class WindowClosed:
    """The window's button for closing was clicked, or the system asked the program to end."""


WindowEvent = KeyPress | SplitDrag | WindowClosed


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is drawn over an image.

    Attributes:
        lines: Lines of text for the top left corner.
        message: What has just happened, for the bottom; empty for nothing.
        help: Pairs of key and meaning; empty if the help is hidden.
        split: Position of the split line, as a share of the width; None for no line.
        is_recording: Whether to show the mark of a recording.
    """

    lines: tuple[str, ...] = ()
    message: str = ""
    help: tuple[tuple[str, str], ...] = ()
    split: float | None = None
    is_recording: bool = False


class Window(Protocol):
    """Shows images, and reports keys and mouse. All methods are called from the main thread, as macOS demands.

    Attributes:
        is_visible: Whether somebody can see it and press keys.
    """

    is_visible: bool

    def show(self, image: Image8 | None, overlay: Overlay, *, is_full_screen: bool) -> Sequence[WindowEvent]:
        """Show an image, and return what happened since the last call.

        Args:
            image: uint8 [height, width, 3] of any size; None to keep the last one.
            overlay: What to draw over it.
            is_full_screen: Whether the window fills the screen.
        """

    def close(self) -> None:
        """Close the window."""


class NoWindow:
    """Show nothing, for machines without a display."""

    is_visible = False

    def show(self, image: Image8 | None, overlay: Overlay, *, is_full_screen: bool) -> Sequence[WindowEvent]:  # noqa: ARG002
        """Show nothing, and report that nothing happened."""
        return ()

    def close(self) -> None:
        """There is nothing to close."""
