"""Which files are pictures, by their names, and which of Pillow's decoders may open them."""

from __future__ import annotations

import functools
from pathlib import PurePath

from pix2style.errors import MissingExtraError, UnknownImageError, require


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


# Decoders that open any file with the right first bytes, whatever its name. There are few, because every decoder can
# have security holes. "JPEG" opens MPO files as well; Pillow registers no opener named "MPO", and naming it here would
# make every format after it fail. The last three are in Pillow's modules that it imports, with all others, only when
# one of them is asked for.
_COMMON_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP", "AVIF")
_COMMON_SUFFIXES = _suffixes("apng avif avifs bmp gif jfif jpe jpeg jpg jps mpo pbm pfm pgm png pnm ppm tif tiff webp")
# Decoders that open a file only if its name has one of their suffixes.
_RARE_FORMATS = {
    **dict.fromkeys(_suffixes("j2c j2k jp2 jpc jpf jpx"), "JPEG2000"),
    **dict.fromkeys(_suffixes("icb tga vda vst"), "TGA"),
    **dict.fromkeys(_suffixes("bw rgb rgba sgi"), "SGI"),
    ".dds": "DDS",
    ".dib": "DIB",
    ".icns": "ICNS",
    ".ico": "ICO",
    ".pcx": "PCX",
    ".psd": "PSD",
    ".qoi": "QOI",
    ".ras": "SUN",
}
_HEIF_SUFFIXES = _suffixes("heic heics heif heifs hif")
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
IMAGE_SUFFIXES = _COMMON_SUFFIXES | _HEIF_SUFFIXES | frozenset(_RARE_FORMATS)

# Most raw photos are TIFF files, so that a decoder would take their small preview for the photo.
_RAW_SUFFIXES = _suffixes(
    "3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f"
)
_UNREAD_SUFFIXES = _suffixes(
    "blp cur dcx emf eps exr fit fits flc fli ftc ftu gbr hdr im jbig jls jng jxl jxr mng msp pam pcd pxr svg svgz wdp"
    " wmf xbm xcf xpm"
)
VIDEO_SUFFIXES = _suffixes("3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv webm wmv")
_HEAD_BYTES = 64


def is_picture_name(name: str) -> bool:
    """Return whether a file name has the suffix of a picture, also of a kind that is not read.

    Files of such a kind have to be tried, so that they are listed with the reason instead of being passed over.
    """
    suffix = suffix_of(name)
    return suffix in IMAGE_SUFFIXES or suffix in _RAW_SUFFIXES or suffix in _UNREAD_SUFFIXES


def suffix_of(name: str) -> str:
    """Return the suffix of a file name in lower case, with the dot; empty if it has none.

    What follows a space is left out: names in messages may end in a remark, as in `a.tga (content)`.
    """
    if "/" in name or "\\" in name:
        name = PurePath(name).name
    # As `PurePath(name).suffix` in a tenth of the time, which counts for a hundred thousand names.
    dot = name.rfind(".")
    return name[dot:].lower().partition(" ")[0] if 0 < dot < len(name) - 1 else ""


def formats_for(head: bytes, name: str) -> tuple[str, ...]:
    """Return the names of the decoders that may open a file.

    Args:
        head: At least the first 64 bytes of the file, or all of a shorter file.
        name: Name of the file.

    Raises:
        UnknownImageError: The file is a raw photo; or a HEIF file, and pillow-heif is not installed.
    """
    suffix = suffix_of(name)
    if suffix in _RAW_SUFFIXES:
        raise UnknownImageError(
            name, f"a raw photo ({suffix}), which is not read: develop it and save it as JPEG or TIFF"
        )
    if _is_heif(head):
        _register_heif(name)
        return ("HEIF",)
    return (*_COMMON_FORMATS, *((_RARE_FORMATS[suffix],) if suffix in _RARE_FORMATS else ()))


def unidentified_reason(name: str) -> str:
    """Return the reason why a file that no decoder accepts cannot be read."""
    suffix = suffix_of(name)
    if suffix in _UNREAD_SUFFIXES:
        return f"a kind of picture that is not read ({suffix}): save it as PNG, TIFF or JPEG"
    # Pair sets store these reasons for photos that failed, so changing the words changes digests of sets.
    return "not a picture in a known format (JPEG, PNG, WebP, TIFF, AVIF, BMP, GIF, PPM)"


def _is_heif(head: bytes) -> bool:
    """Return whether a file is HEIF as iPhones write it: an ISO media file (ISO/IEC 14496-12) with an HEVC brand."""
    if head[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(head[:4], "big"), len(head[:_HEAD_BYTES]))
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, end, 4))}
    return bool(brands & _HEIF_BRANDS) and not brands & _AVIF_BRANDS


def _register_heif(name: str) -> None:
    try:
        _load_heif()
    except MissingExtraError as error:
        # The same words on every machine: manifests of pair sets keep them.
        raise UnknownImageError(
            name, "a HEIC or HEIF picture, which needs pillow-heif: pip install pillow-heif"
        ) from error


@functools.cache
def _load_heif() -> None:
    """Add the decoder of pillow-heif to Pillow's."""
    [pillow_heif] = require("heif", "pillow_heif")
    pillow_heif.register_heif_opener()
