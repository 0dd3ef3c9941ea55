"""Frames on their way from the camera to the window."""

from __future__ import annotations

from dataclasses import dataclass

from pix2style.images import Image8


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A frame of the camera or clip.

    Attributes:
        rgb: uint8 [height, width, 3].
        captured_s: When it came, in seconds of `time.monotonic`.
    """

    rgb: Image8
    captured_s: float


@dataclass(frozen=True, slots=True)
class StylizedFrame:
    """A frame that was stylized.

    Attributes:
        captured: The frame of the camera, in its full size.
        photo: The frame in the size at which it was stylized, uint8 [height, width, 3].
        stylized: The stylized image, uint8 of the same shape.
    """

    captured: CapturedFrame
    photo: Image8
    stylized: Image8
