"""Read from the bytes of an image file what Pillow does not tell about its colours and its encoding."""

from __future__ import annotations

import struct
from dataclasses import field

from pix2style.images import png
from pix2style.images.cicp import Cicp
from pix2style.images.isobmff import parse_boxes
from pix2style.light_dataclass import dataclass

# What JPEG, HEIC and AVIF files contain if a second picture says how to brighten them on HDR screens: the XMP name
# space of Adobe and Google, the name of ISO 21496-1, that of Apple, and the type of the derived picture in AVIF files.
_GAIN_MAP_MARKS = (
    b"ns.adobe.com/hdr-gain-map/",
    b"urn:iso:std:iso:ts:21496:-1",
    b"urn:com:apple:photo:2020:aux:hdrgainmap",
    b"tmap\0",
)
_GAIN_MAP_NOTE = "has a gain map for HDR screens: only its base picture is used"
_PROFILE_LIMIT_BYTES = 1 << 25


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What Pillow does not tell about an image file.

    Attributes:
        data: The file, without the parts that Pillow needlessly refuses.
        kind: Format by the first bytes, in Pillow's words; empty if unknown.
        width: Width in pixels where Pillow refuses to open too large files (AVIF); else 0.
        height: Height in pixels, likewise.
        grey_bits: Bits per sample of a PNG file, in which its transparent level is counted.
        cicp: Colour space by code points; None if there is none.
        cicp_first: Whether the code points count more than an ICC profile.
        profile: ICC profile that Pillow does not read; None if there is none.
        lossless: Whether the file is a WebP or AVIF without loss.
        is_animated_png: Whether a PNG file says that it is an animation.
        notes: What a person should know about the file.
    """

    data: bytes = b""
    kind: str = ""
    width: int = 0
    height: int = 0
    grey_bits: int = 8
    cicp: Cicp | None = None
    cicp_first: bool = False
    profile: bytes | None = None
    lossless: bool = False
    is_animated_png: bool = False
    notes: tuple[str, ...] = field(default=())


NO_FACTS = FileFacts()


def read_facts(data: bytes) -> FileFacts:
    """Return what Pillow does not tell about an image file, whether it is damaged or not."""
    kind = kind_of(data)
    if kind == "PNG":
        file = png.parse_png(data)
        notes = ("its colour profile is damaged: read as sRGB",) if file.damaged_profile else ()
        return FileFacts(
            file.data,
            kind,
            grey_bits=file.bits,
            cicp=file.cicp,
            cicp_first=True,
            profile=file.large_profile,
            is_animated_png=file.is_animated,
            notes=notes,
        )
    notes = (_GAIN_MAP_NOTE,) if kind in ("JPEG", "AVIF", "HEIF") and _has_gain_map(data) else ()
    if kind in ("AVIF", "HEIF"):
        boxed = parse_boxes(data)
        return FileFacts(data, kind, boxed.width, boxed.height, cicp=boxed.cicp, lossless=boxed.lossless, notes=notes)
    profile = _bmp_profile(data) if kind == "BMP" else None
    return FileFacts(data, kind, profile=profile, lossless=kind == "WEBP" and _is_lossless_webp(data), notes=notes)


def kind_of(data: bytes) -> str:
    """Return the format that the first bytes announce, in Pillow's words."""
    if data[4:8] == b"ftyp":
        return "AVIF" if b"avi" in data[8:64] else "HEIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    starts = {
        png.SIGNATURE: "PNG",
        b"\xff\xd8\xff": "JPEG",
        b"GIF8": "GIF",
        b"BM": "BMP",
        **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II\0*", b"MM*\0"), "TIFF"),
        **dict.fromkeys((b"P%d" % number for number in range(1, 7)), "PPM"),
    }
    return next((kind for start, kind in starts.items() if data.startswith(start)), "")


def _has_gain_map(data: bytes) -> bool:
    return any(mark in data for mark in _GAIN_MAP_MARKS[:-1]) or _GAIN_MAP_MARKS[-1] in data[:20_000]


def _is_lossless_webp(data: bytes) -> bool:
    """Return whether the first picture of a WebP file is stored without loss (chunk `VP8L`)."""
    position = 12
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        if kind in (b"VP8L", b"VP8 "):
            return bool(kind == b"VP8L")
        # The picture of a frame lies inside of its chunk, behind 16 bytes about the frame.
        position += 24 if kind == b"ANMF" else 8 + size + size % 2
    return False


def _bmp_profile(data: bytes) -> bytes | None:
    """Return the profile that is embedded in a BMP file (header of version 5); None if there is none.

    Primaries in a header of version 4 are left out: programs do not agree about their meaning.
    """
    if len(data) < 138 or data[70:74] != b"DEBM":  # "MBED", an embedded profile
        return None
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    offset, size = struct.unpack_from("<II", data, 126)
    return data[14 + offset : 14 + offset + size] if header_bytes >= 124 and size <= _PROFILE_LIMIT_BYTES else None
