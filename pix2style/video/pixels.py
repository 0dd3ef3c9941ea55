"""Convert decoded frames to upright 8-bit RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ClipError
from pix2style.images import Image8, size_within
from pix2style.video.clip import ClipFacts
from pix2style.video.colour import LEVELS, is_srgb, map_to_srgb, matrix_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_LIMITED, _FULL = 1, 2  # in `AVColorRange`
_RGB_PLANES = (2, 0, 1)  # in the planar formats of FFmpeg: green, blue, red
_ALPHA_PLANE = 3
_WHITE = 255
GREY_FORMATS = ("gray", "ya8", "ya16", "mono")
"""Beginnings of the names of FFmpeg's pixel formats that hold greys."""
# swscale takes greys for those of the full range, whatever a frame says.
_TO_FULL_RANGE = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, _WHITE).astype(np.uint8)


def _within(height_px: int, width_px: int, max_side_px: int) -> tuple[int, int]:
    """Return the height and width of frames within a size: even numbers, because H.264 holds others only as 4:4:4."""
    height, width = height_px, width_px
    if max(height, width) > max_side_px:
        height, width = size_within(height, width, max_side_px)
    return max(2, height // 2 * 2), max(2, width // 2 * 2)


class FrameReader:
    """Converts frames of a clip, by one conversion of swscale each, and one copy that turns and interleaves.

    Attributes:
        height_px, width_px: Size of the upright frames that it returns.
    """

    def __init__(self, facts: ClipFacts, max_side_px: int | None = None) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        self._path = facts.path
        height, width = facts.height_px, facts.width_px
        self._stored = _within(height, width, max_side_px) if max_side_px else (height, width)
        self._turns = -facts.rotation_deg // 90
        self.height_px, self.width_px = self._stored if self._turns % 2 == 0 else self._stored[::-1]
        self._is_mirrored = facts.is_mirrored
        self._map = None if is_srgb(facts.colour) else map_to_srgb(facts.colour, facts.peak_nits)
        self._alpha = "a" if facts.has_alpha else ""
        self._matrix = matrix_of(facts.colour, width, height)
        self._range = _FULL if facts.colour.full_range else _LIMITED
        self._reformatter = VideoReformatter()
        # To planes, swscale computes exactly (at most one level off) by vector instructions. To interleaved RGB it is
        # either up to 3 levels off, or 10 times as slow. Chroma is interpolated linearly; shrinking averages areas.
        self._exact = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
        self._same_size, self._shrink = Interpolation.BILINEAR | self._exact, Interpolation.AREA | self._exact

    def convert(self, frame: VideoFrame) -> tuple[Image8, NDArray[np.uint8] | None]:
        """Return the upright RGB of a frame in sRGB, and its transparency. A frame of another size is scaled."""
        planes = self._planes(frame)
        rgb = np.empty((self.height_px, self.width_px, 3), np.uint8)
        red, green, blue = (self._upright(planes[number]) for number in _RGB_PLANES)
        if self._map is None:
            is_limited_grey = self._range == _LIMITED and frame.format.name.startswith(GREY_FORMATS)
            for channel, plane in enumerate((red, green, blue)):
                rgb[..., channel] = _TO_FULL_RANGE[plane] if is_limited_grey else plane
        else:
            self._map.convert((red, green, blue), rgb)
        if not self._alpha:
            return rgb, None
        alpha = self._upright(planes[_ALPHA_PLANE])
        alpha = np.ascontiguousarray(alpha if self._map is None else np.rint(alpha / ((LEVELS - 1) / _WHITE)), np.uint8)
        rgb[alpha == 0] = _WHITE  # as with photos, so that hidden colours never show
        return rgb, alpha

    def _planes(self, frame: VideoFrame) -> list[NDArray[np.unsignedinteger]]:
        from av.error import FFmpegError

        height, width = self._stored
        if not frame.format.is_rgb:
            # swscale reads these from the frame. Decoders may leave them unspecified in places.
            frame.colorspace, frame.color_range = self._matrix, self._range
        depth, kind = ("", np.dtype(np.uint8)) if self._map is None else ("10le", np.dtype("<u2"))
        flags = self._same_size if (frame.height, frame.width) == (height, width) else self._shrink
        layout = f"gbr{self._alpha}p{depth}"
        try:
            image = self._reformatter.reformat(
                frame, width, height, layout, interpolation=flags, dst_color_range=_FULL, threads=1
            )
        except FFmpegError as error:
            reason = f"its pixel format ({frame.format.name}) cannot be converted: convert it to H.264 before"
            raise ClipError(str(self._path), reason) from error
        return [
            np.ndarray((height, width), kind, memoryview(plane), strides=(plane.line_size, kind.itemsize))
            for plane in image.planes
        ]

    def _upright(self, plane: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        turned = np.rot90(plane, self._turns)
        return turned[:, ::-1] if self._is_mirrored else turned
