"""What the numbers of a clip's pixels mean as colours, and the conversion between clips' colours and sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.images.cicp import Cicp
from pix2style.images.hdr import HLG_PEAK_NITS, WHITE_NITS, compress_highlights, hlg_gain, light_table
from pix2style.images.icc import linear_to_xyz
from pix2style.video.clip import ClipColour

BT709, BT601, BT2020 = 1, 6, 9  # in `AVColorSpace`
# Matrices that swscale computes, by their numbers in `AVColorSpace`. The one of BT.2020 with constant luminance (10) is
# read as the common one, which differs little.
_MATRICES = {1: BT709, 4: 4, 5: BT601, 6: BT601, 7: 7, 9: BT2020, 10: BT2020}
_SAYS_NOTHING = (0, 2, 3)  # RGB, unspecified, reserved
# Players take clips of this size for HD.
_HD_LONG_SIDE_PX, _HD_SHORT_SIDE_PX = 1280, 720
# BT.2020, P3 of cinemas, Display P3, in `AVColorPrimaries`. Those of SD video differ little from sRGB, and players
# ignore the difference.
_WIDE_PRIMARIES = (9, 11, 12)
_LINEAR = 8  # in `AVColorTransferCharacteristic`
LEVELS = 1024  # HDR is converted from 10 bits, because 8 bits of PQ would show bands
_DARKEST = np.float32(1e-6)
_LIGHT_STEPS = 16384  # so many that the darkest levels of sRGB are apart
_PIXELS_PER_STRIP = 32768  # floats of a strip fit into the processor's cache

Planes = tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]
_Light = list[NDArray[np.float32]]


def matrix_of(colour: ClipColour, width_px: int, height_px: int) -> int:
    """Return the matrix between RGB and YUV with which a clip is read (`AVColorSpace`).

    It is the stated one; or, where none is stated, the one that players take: that of BT.2020 beside its primaries, of
    BT.709 for HD, of BT.601 for smaller clips.
    """
    if colour.matrix in _MATRICES:
        return _MATRICES[colour.matrix]
    if colour.primaries == BT2020:
        return BT2020
    long_side, short_side = max(width_px, height_px), min(width_px, height_px)
    return BT709 if long_side >= _HD_LONG_SIDE_PX or short_side >= _HD_SHORT_SIDE_PX else BT601


def has_unread_matrix(colour: ClipColour) -> bool:
    """Return whether a clip states a matrix that cannot be computed, for example YCgCo."""
    return colour.matrix not in _MATRICES and colour.matrix not in _SAYS_NOTHING


def hdr_of(colour: ClipColour) -> str:
    """Return `PQ` or `HLG` for a clip of high dynamic range, else an empty text."""
    return Cicp(colour.primaries, colour.transfer).hdr


def is_srgb(colour: ClipColour) -> bool:
    """Return whether RGB values of a clip are used as they are, as sRGB."""
    return not hdr_of(colour) and colour.primaries not in _WIDE_PRIMARIES and colour.transfer != _LINEAR


class ColourMap:
    """Converts RGB between two colour spaces, by tables for each channel and a matrix for light.

    Attributes:
        levels_count: Number of levels of the values that come in: 256 or 1024.
    """

    def __init__(self, source: Cicp, target: Cicp, levels_count: int, peak_nits: float = HLG_PEAK_NITS) -> None:
        self.levels_count = levels_count
        self._hdr = source.hdr
        self._light = light_table(source.hdr, levels_count) if source.hdr else _decode(source, levels_count)
        self._encoded = np.rint(255 * _encode(target, np.linspace(0, 1, _LIGHT_STEPS))).astype(np.uint8)
        to_target = np.linalg.solve(linear_to_xyz(target.chromaticities), linear_to_xyz(source.chromaticities))
        self._matrix = (to_target * (_LIGHT_STEPS - 1)).astype(np.float32)
        self._luminance = linear_to_xyz(source.chromaticities)[1].astype(np.float32)
        self._peak = max(1.0, peak_nits / WHITE_NITS)

    def convert(self, planes: Planes, result: Image8) -> None:
        """Convert the planes red, green and blue, integers [height, width], into `result`, [height, width, 3]."""
        height, width = planes[0].shape
        rows = max(1, _PIXELS_PER_STRIP // width)
        for top in range(0, height, rows):
            # With this mode, values outside of the tables are clipped, and take needs no pass to check them.
            light = [self._light.take(plane[top : top + rows], mode="clip") for plane in planes]
            if self._hdr:
                self._tone_map(light)
            for channel, weights in enumerate(self._matrix):
                mixed = weights[0] * light[0] + weights[1] * light[1] + weights[2] * light[2]
                steps = (mixed + np.float32(0.5)).astype(np.intp)
                result[top : top + rows, :, channel] = self._encoded.take(steps, mode="clip")

    def _tone_map(self, light: _Light) -> None:
        """Compress highlights in place as `images.hdr.tone_map` does, but by one peak for all frames of a clip."""
        if self._hdr == "HLG":
            red, green, blue = self._luminance
            gain = hlg_gain(red * light[0] + green * light[1] + blue * light[2])
            light[:] = [plane * gain for plane in light]
        brightest = np.maximum(np.maximum(light[0], light[1]), light[2])
        share = np.divide(compress_highlights(brightest, self._peak), np.maximum(brightest, _DARKEST), dtype=np.float32)
        light[:] = [plane * share for plane in light]


def map_to_srgb(colour: ClipColour, peak_nits: float) -> ColourMap:
    """Return the conversion of a clip's RGB, in 10 bits, to sRGB.

    Args:
        colour: A clip's colours that are not sRGB; see `is_srgb`.
        peak_nits: Luminance that becomes the white of sRGB, for HDR.
    """
    primaries = BT2020 if hdr_of(colour) and colour.primaries not in _WIDE_PRIMARIES else colour.primaries
    return ColourMap(Cicp(primaries, colour.transfer), Cicp(BT709, BT709), LEVELS, peak_nits)


def map_from_srgb(colour: ClipColour) -> ColourMap:
    """Return the conversion of sRGB, in 8 bits, to the colours of a clip that is not in HDR."""
    return ColourMap(Cicp(BT709, BT709), Cicp(colour.primaries, colour.transfer), 256)


def _decode(space: Cicp, levels_count: int) -> NDArray[np.float32]:
    values = np.linspace(0, 1, levels_count)
    if space.power is not None:
        return (values**space.power).astype(np.float32)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encode(space: Cicp, light: NDArray[np.float64]) -> NDArray[np.float64]:
    if space.power is not None:
        return np.asarray(light ** (1 / space.power))
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
