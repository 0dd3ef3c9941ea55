"""Encode PNG files fast enough for a fast teacher: with Intel's igzip instead of zlib, and one filter for all rows.

For photos of 256x256 pixels it takes a tenth of the time of Pillow's encoder at level 4, and the files are 3 % larger
(benchmarks/png.py). The files are ordinary PNGs that any reader decodes.
"""

from __future__ import annotations

import struct

import numpy as np

from pix2style.errors import require
from pix2style.images import Image8

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_RGB = (8, 2, 0, 0, 0)  # bit depth, colour type, compression method, filter method, no interlacing
_AVERAGE_FILTER = 3
_CHANNELS = 3
_LEVEL = 2  # igzip has levels 0 to 3; level 3 is slower and hardly smaller for photos


def encode_png_fast(rgb: Image8) -> bytes:
    """Encode an image as PNG (specification, third edition: https://www.w3.org/TR/png-3/).

    The same image gives the same bytes with the same version of igzip on the same kind of processor.

    Args:
        rgb: Image, uint8 [height, width, 3].

    Raises:
        MissingExtraError: The package isal is not installed.
    """
    [isal] = require("pairs", "isal.isal_zlib")

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", isal.crc32(data, isal.crc32(kind)))

    height, width, _ = rgb.shape
    header = struct.pack(">II5B", width, height, *_EIGHT_BIT_RGB)
    pixels: bytes = isal.compress(_filtered(rgb).data, _LEVEL)
    return _SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _filtered(rgb: Image8) -> Image8:
    """Filter each row with Average: the number of the filter, then each value minus the mean of its two neighbours.

    The neighbours are the value of the same channel to the left and the one above; they are 0 outside the image.
    """
    height, width, _ = rgb.shape
    rows = rgb.reshape(height, width * _CHANNELS)
    left, above = np.zeros_like(rows), np.zeros_like(rows)
    left[:, _CHANNELS:] = rows[:, :-_CHANNELS]
    above[1:] = rows[:-1]
    # floor((left + above) / 2) without leaving 8 bits: the bits that both have, plus half of those that only one has.
    common = left & above
    mean = np.bitwise_xor(left, above, out=left)
    mean >>= 1
    mean += common
    filtered = np.empty((height, 1 + width * _CHANNELS), np.uint8)
    filtered[:, 0] = _AVERAGE_FILTER
    np.subtract(rows, mean, out=filtered[:, 1:])  # modulo 256, as the specification requires
    return filtered
