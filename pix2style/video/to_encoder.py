"""Convert frames to what an encoder takes."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pix2style.images import Image8
from pix2style.video.clip import ClipFrame
from pix2style.video.colour import is_srgb, map_from_srgb
from pix2style.video.settings import VideoSettings

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

# Matrices that swscale computes: its numbers, by those of `AVColorSpace`.
SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
_LIMITED, _FULL = 1, 2  # in `AVColorRange`
_OPAQUE = 255


class FrameConverter:
    """Converts frames to an encoder's pixel format, by one conversion of swscale each."""

    def __init__(self, settings: VideoSettings) -> None:
        from av.filter import Graph
        from av.video.reformatter import Interpolation, VideoReformatter

        self._settings = settings
        self._reformatter = VideoReformatter()
        # Chroma is averaged over the pixels that share it; all machines compute the same bytes.
        exact = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.BITEXACT
        self._flags = (Interpolation.AREA if settings.stretch == 1 else Interpolation.BICUBIC) | exact
        self._graph, self._graph_size = Graph(), (0, 0)
        self._map = None if is_srgb(settings.colour) else map_from_srgb(settings.colour)

    def convert(self, frame: ClipFrame) -> VideoFrame:
        """Return a frame as the encoder takes it, turned back to how it is stored, without a time."""
        from av.video.frame import VideoFrame

        settings = self._settings
        pixels = self._in_own_colours(frame.rgb)
        if settings.has_alpha:
            alpha = np.full(pixels.shape[:2], _OPAQUE, np.uint8) if frame.alpha is None else frame.alpha
            pixels = np.dstack((pixels, alpha))
        pixels = np.ascontiguousarray(self._turned_back(pixels))
        width, height = settings.stored_size(pixels.shape[1], pixels.shape[0])
        image = VideoFrame.from_ndarray(pixels, "rgba" if settings.has_alpha else "rgb24")
        image = self._reformatter.reformat(
            self._with_chroma_left(image),
            width=width,
            height=height,
            format=settings.pixel_format_for(width, height),
            dst_colorspace=SWSCALE_MATRICES.get(settings.colour.matrix),
            dst_color_range=_FULL if settings.colour.full_range else _LIMITED,
            interpolation=self._flags,
            threads=1,
        )
        image.time_base = 1 / settings.frame_rate  # the unit of the encoder, which counts frames
        # Some encoders, as that of ProRes, take these from the frame.
        image.colorspace = settings.colour.matrix
        image.color_primaries, image.color_trc = settings.colour.primaries, settings.colour.transfer
        return image

    def _with_chroma_left(self, image: VideoFrame) -> VideoFrame:
        """State that chroma lies at the left edge of the pixels that share it, as players assume it.

        Else swscale puts it half a pixel further right. PyAV has no attribute for it, but a filter of FFmpeg sets it.
        """
        if (image.width, image.height) != self._graph_size:
            self._graph, self._graph_size = _placing_graph(image), (image.width, image.height)
        self._graph.push(image)
        return self._graph.vpull()

    def _in_own_colours(self, rgb: Image8) -> Image8:
        """Convert sRGB to the primaries of the clip, if these are wide."""
        if self._map is None:
            return rgb
        result = np.empty_like(rgb)
        self._map.convert((rgb[..., 0], rgb[..., 1], rgb[..., 2]), result)
        return result

    def _turned_back(self, pixels: Image8) -> Image8:
        """Undo what players do to the stored frames: they rotate, then mirror."""
        if self._settings.is_mirrored:
            pixels = pixels[:, ::-1]
        return np.rot90(pixels, self._settings.rotation_deg // 90)


def _placing_graph(image: VideoFrame) -> Graph:
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(width=image.width, height=image.height, format=image.format, time_base=Fraction(1, 25))
    place, sink = graph.add("setparams", "chroma_location=left"), graph.add("buffersink")
    source.link_to(place)
    place.link_to(sink)
    graph.configure()
    return graph
