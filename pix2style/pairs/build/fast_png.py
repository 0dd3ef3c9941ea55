"""PNG at the speed that a fast teacher needs: Intel's igzip instead of zlib, and one filter for all rows.

On photos of 256x256 pixels it takes a tenth of the time of Pillow's encoder at level 4, for files 3 % larger
(benchmarks/png.py). Any PNG reader reads it.
"""

from __future__ import annotations

import struct

import numpy as np

from pix2style.errors import require
from pix2style.images import Image8

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_RGB = (8, 2, 0, 0, 0)  # bits, colour type, compression, filter method, no interlace
_AVERAGE = 3
_CHANNELS = 3
_LEVEL = 2  # of igzip's 0 to 3: 3 is slower and hardly smaller on photos


def encode_png(rgb: Image8) -> bytes:
    """A picture as a PNG file; the same picture gives the same bytes (of one igzip and kind of processor).

    PNG specification, third edition: https://www.w3.org/TR/png-3/

    Args:
        rgb: uint8 [height, width, 3].

    Raises:
        MissingExtraError: isal is not installed.
    """
    [isal] = require("pairs", "isal.isal_zlib")

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", isal.crc32(data, isal.crc32(kind)))

    height, width, _ = rgb.shape
    header = struct.pack(">II5B", width, height, *_EIGHT_BIT_RGB)
    pixels: bytes = isal.compress(_filtered(rgb).data, _LEVEL)
    return _SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _filtered(rgb: Image8) -> Image8:
    """Rows of differences: each value less the mean of its left and upper neighbours; the filter's number first."""
    height, width, _ = rgb.shape
    rows = rgb.reshape(height, width * _CHANNELS)
    left, above = np.zeros_like(rows), np.zeros_like(rows)
    left[:, _CHANNELS:] = rows[:, :-_CHANNELS]
    above[1:] = rows[:-1]
    # Their mean, rounded down, in eight bits: what both have, and half of what one has.
    common = left & above
    mean = np.bitwise_xor(left, above, out=left)
    mean >>= 1
    mean += common
    filtered = np.empty((height, 1 + width * _CHANNELS), np.uint8)
    filtered[:, 0] = _AVERAGE
    np.subtract(rows, mean, out=filtered[:, 1:])  # modulo 256, as the specification wants
    return filtered
