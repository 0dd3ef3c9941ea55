"""The text over the image: which filter, how strong, how fast."""

from __future__ import annotations

from collections.abc import Sequence

from pix2style.live.controls import HELP, LiveState, View
from pix2style.live.figures import LiveFigures
from pix2style.live.window import Overlay

_HELP_HINT = "H: help"


def build_overlay(
    state: LiveState, looks: Sequence[str], figures: LiveFigures, work_size: tuple[int, int] | None, message: str
) -> Overlay:
    """Return what is drawn over the image.

    Args:
        state: State of the controls.
        looks: Names of the looks.
        figures: Measured speed.
        work_size: Height and width at which the frame was stylized; None before the first frame.
        message: What has just happened; empty for nothing.
    """
    return Overlay(
        lines=_lines(state, looks, figures, work_size) if state.shows_figures else (),
        message=message,
        help=HELP if state.shows_help else (),
        split=state.split if state.view is View.SPLIT else None,
        is_recording=state.is_recording,
    )


def _lines(
    state: LiveState, looks: Sequence[str], figures: LiveFigures, work_size: tuple[int, int] | None
) -> tuple[str, ...]:
    number = f"{state.look + 1}/{state.looks}  " if state.looks > 1 else ""
    speed = "waiting for the first frame"
    if work_size is not None:
        size = f"{work_size[1]}x{work_size[0]}"
        speed = f"{figures.rate:.1f} frames/s   {1000 * figures.latency_s:.0f} ms   {size}"
    return (
        f"{number}{looks[state.look]}   strength {state.strength:.1f}   steady {state.steady}",
        f"{speed}   {_HELP_HINT}",
    )
