"""Convert frames to what an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pix2style.video.clip import ClipFrame
from pix2style.video.settings import VideoSettings

if TYPE_CHECKING:
    import av

# swscale's names of the matrices, by the numbers of `AVColorSpace`.
_SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}


class FrameConverter:
    """Converts frames to an encoder's pixel format, by one conversion of swscale each."""

    def __init__(self, settings: VideoSettings) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        self._settings = settings
        self._reformatter = VideoReformatter()
        # Chroma is averaged over the pixels that share it; all machines compute the same bytes.
        exact = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.BITEXACT
        self._flags = Interpolation.AREA | exact

    def convert(self, frame: ClipFrame) -> av.VideoFrame:
        """Return a frame as the encoder takes it, turned back to how it is stored, without a time."""
        import av

        settings = self._settings
        pixels, kind = frame.rgb, "rgb24"
        if settings.has_alpha:
            alpha = np.full(pixels.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
            pixels, kind = np.dstack((pixels, alpha)), "rgba"
        if settings.rotation_deg:
            pixels = np.rot90(pixels, settings.rotation_deg // 90)
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), kind)
        return self._reformatter.reformat(
            image,
            format=settings.pixel_format,
            dst_colorspace=_SWSCALE_MATRICES[settings.colour.matrix],
            dst_color_range=2 if settings.colour.full_range else 1,
            interpolation=self._flags,
            threads=1,
        )
