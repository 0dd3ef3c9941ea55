"""Make ICC profiles for colour spaces that an image file names in another way, and read tags of profiles."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from pix2style.images.cicp import Chromaticities, Cicp

# White of the connection space of profiles (ICC.1:2022, 6.3.4.3), and the Bradford transform (annex E).
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# Parameters g, a, b, c, d of the curve of sRGB (ICC.1:2022, 10.18, function type 3).
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def matrix_profile(name: str, chromaticities: Chromaticities, power: float | None) -> bytes:
    """Return an ICC profile, version 4, of an RGB colour space. The same arguments always give the same bytes.

    Args:
        name: Name of the colour space, which viewers show.
        chromaticities: x and y of white, red, green and blue.
        power: Power of the transfer function; None for the curve of sRGB.

    Raises:
        ValueError: The chromaticities describe no colour space.
    """
    adaptation, columns = _colorants(chromaticities)
    curve = struct.pack(">4s4xHH5i", b"para", 3, 0, *map(_fixed, _SRGB_CURVE))
    if power is not None:
        curve = struct.pack(">4s4xHHi", b"para", 0, 0, _fixed(power))
    tags = {
        b"desc": _text(name),
        b"cprt": _text("CC0"),
        b"wtpt": _xyz(_D50),
        b"chad": struct.pack(">4s4x9i", b"sf32", *map(_fixed, adaptation.ravel())),
        **{tag: _xyz(columns[:, i]) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    return _profile(tags)


def linear_to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ, where white has Y = 1.

    Raises:
        ValueError: The chromaticities describe no colour space.
    """
    white, *primaries = (
        np.array([x / y, 1.0, (1 - x - y) / y]) if y > 0 else np.zeros(3)
        for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    columns = np.stack(primaries, axis=1)
    if not np.isfinite(columns).all() or abs(np.linalg.det(columns)) < 1e-6 or not white.any():
        raise ValueError("the chromaticities describe no colour space")
    return np.asarray(columns * np.linalg.solve(columns, white))


def cicp_tag(profile: bytes) -> Cicp | None:
    """Return the code points that a profile of version 4.4 holds beside its curves; None if it has none."""
    if len(profile) < 132:
        return None
    (count,) = struct.unpack_from(">I", profile, 128)
    for i in range(min(count, 200, (len(profile) - 132) // 12)):
        tag, offset, _size = struct.unpack_from(">4sII", profile, 132 + 12 * i)
        if tag == b"cicp" and offset + 12 <= len(profile):
            return Cicp(profile[offset + 8], profile[offset + 9])
    return None


def _colorants(chromaticities: Chromaticities) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the adaptation from the white of the colour space to D50, and the adapted colorants."""
    to_xyz = linear_to_xyz(chromaticities)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ to_xyz.sum(axis=1))
    adaptation = np.linalg.inv(_BRADFORD) @ (scale[:, None] * _BRADFORD)
    return adaptation, adaptation @ to_xyz


def _fixed(value: float) -> int:
    """Return a number as s15Fixed16."""
    if not -32768 <= value < 32768:
        raise ValueError("the chromaticities describe no colour space")
    return round(value * 65536)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *map(_fixed, values))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", len(encoded), 28) + encoded


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """Put tags behind the header and the table of a profile. Equal tags share their bytes."""
    position, table, body = 132 + 12 * len(tags), b"", b""
    places: dict[bytes, int] = {}
    for tag, content in tags.items():
        if content not in places:
            places[content] = position + len(body)
            body += content.ljust(-len(content) % 4 + len(content), b"\0")
        table += struct.pack(">4sII", tag, places[content], len(content))
    size = position + len(body)
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    header = struct.pack(">I4sI4s4s4s12s4s", size, b"", 0x04300000, b"mntr", b"RGB ", b"XYZ ", date, b"acsp")
    header += struct.pack(">28x3i", *map(_fixed, _D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
