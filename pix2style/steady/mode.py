"""How steady the strokes of a stylized clip are kept."""

from __future__ import annotations

from enum import StrEnum


class SteadyMode(StrEnum):
    """How much is done so that strokes keep still while the camera or the photo's noise moves.

    Attributes:
        OFF: Every frame is stylized on its own, like a photo.
        LOCK: The filter's grid and its global context follow the scene.
        FULL: As LOCK, and what is left of the flicker is reduced by the frames before.
    """

    OFF = "off"
    LOCK = "lock"
    FULL = "full"
