"""Frames of cameras and addresses in the colours and the shape in which players show clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.images import Image8, resize
from pix2style.video.clip import ClipFacts
from pix2style.video.colour import BT601
from pix2style.video.facts import facts_of
from pix2style.video.pixels import FrameReader

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_UNSPECIFIED = 2  # in `AVColorSpace`


def size_in_square_pixels(facts: ClipFacts) -> tuple[int, int]:
    """Return the height and width of the upright frames in pixels that are as wide as high, as windows have them."""
    height, width = facts.height_px, max(1, round(facts.width_px * facts.pixel_aspect))
    return (height, width) if facts.rotation_deg % 180 == 0 else (width, height)


class UprightFrames:
    """Converts the frames of a stream by the rules of clips; their size and kind may change.

    Args:
        container: The open container.
        stream: Its stream of frames.
        name: Name for messages.
        is_camera: Whether they come from a camera.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, name: str, *, is_camera: bool) -> None:
        self._container, self._stream, self._path, self._is_camera = container, stream, Path(name), is_camera
        self._kind: tuple[int, int, str, int] | None = None
        self._setup: tuple[FrameReader, tuple[int, int]] | None = None

    def size_of(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the height and width in which a frame is shown."""
        return self._setup_for(frame)[1]

    def convert(self, frame: VideoFrame) -> Image8:
        """Return the upright RGB of a frame.

        Raises:
            ClipError: Its pixels are of a kind that cannot be converted.
        """
        reader, (height, width) = self._setup_for(frame)
        rgb, _ = reader.convert(frame)
        return resize(rgb, height, width)

    def _setup_for(self, frame: VideoFrame) -> tuple[FrameReader, tuple[int, int]]:
        kind = (frame.width, frame.height, frame.format.name, frame.rotation)
        if self._setup is None or kind != self._kind:
            facts = facts_of(self._path, self._container, self._stream, frame)
            if self._is_camera and facts.colour.matrix == _UNSPECIFIED:
                # Cameras that do not state it mean this one in every size: so the standard of USB cameras says.
                facts = replace(facts, colour=replace(facts.colour, matrix=BT601))
            self._kind, self._setup = kind, (FrameReader(facts), size_in_square_pixels(facts))
        return self._setup
