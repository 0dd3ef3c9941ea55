"""Frames of a webcam, which the page sends one by one while it shows the stylized ones."""

from __future__ import annotations

import threading
from collections import OrderedDict

from pix2style.errors import ImageError
from pix2style.images import decode_picture, encode_jpeg
from pix2style.steady import SteadyMode, SteadyStylizer
from pix2style.studio.choice import Choice
from pix2style.studio.filters import Filters
from pix2style.studio.limits import StudioLimits

_MOST_STREAMS = 4
_QUALITY = 85


class Frames:
    """Stylizes frames. The strokes of a stream keep their places on the scene.

    Args:
        filters: The filters to choose from.
        limits: What is accepted.
    """

    def __init__(self, filters: Filters, limits: StudioLimits) -> None:
        self._filters, self._limits = filters, limits
        self._streams: OrderedDict[str, tuple[Choice, tuple[int, ...], SteadyStylizer]] = OrderedDict()
        self._turn = threading.Lock()

    def stylize(self, stream: str, data: bytes, choice: Choice) -> bytes:
        """Return a stylized frame as a JPEG file.

        Args:
            stream: Name that the page has given the stream of one camera.
            data: The frame, a JPEG or PNG file.
            choice: How it is stylized.

        Raises:
            ImageError: It is no picture, or has too many pixels.
        """
        picture = decode_picture(data, name="the frame", max_pixels=self._limits.frame_pixels)
        if picture.rgb.size == 0:
            raise ImageError("the frame", "is empty")
        with self._turn:
            steady = self._steady(stream, choice, picture.rgb.shape)
            return encode_jpeg(steady.stylize(picture.rgb, steady.follow(picture.rgb)), _QUALITY)

    def _steady(self, stream: str, choice: Choice, shape: tuple[int, ...]) -> SteadyStylizer:
        """Return what stylizes a stream; it begins anew when the choice or the size of the frames changes."""
        kept = self._streams.get(stream)
        if kept is None or kept[:2] != (choice, shape):
            kept = (choice, shape, SteadyStylizer(self._filters.stylizer(choice), SteadyMode.LOCK))
        self._streams[stream] = kept
        self._streams.move_to_end(stream)
        while len(self._streams) > _MOST_STREAMS:
            self._streams.popitem(last=False)
        return kept[2]
