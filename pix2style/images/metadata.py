"""Choose what of a photo's metadata its output keeps: EXIF data, XMP, IPTC and the resolution in dots per inch.

The EXIF data are built anew from single values, so that nothing that a damaged or hostile file holds beside them is
copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import ExifTags, Image

from pix2style.images import exif_tags
from pix2style.images.metadata_choice import KeepMetadata
from pix2style.images.xmp import clean_xmp
from pix2style.light_dataclass import dataclass

_ORIENTATION = ExifTags.Base.Orientation.value
# A segment of a JPEG file has at most 65,533 bytes.
_MOST_BYTES = 65_000
_LONGEST_TEXT = 1000
_MOST_NUMBERS = 4
_LARGEST_NUMBER = 2**31 - 1
_LARGEST_DPI = 100_000
_JPEG_START = b"\xff\xd8\xff"
_DAMAGED = "its EXIF data are damaged: not kept"


@dataclass(frozen=True, slots=True)
class PictureMetadata:
    """What an output keeps of its photo's metadata.

    Attributes:
        exif: EXIF data as Pillow writes them, beginning with `Exif`; empty if there are none.
        dpi: Horizontal and vertical resolution in dots per inch; None if it is not stated.
        xmp: XMP packet; empty if there is none.
        iptc: IPTC data sets; empty if there are none.
        notes: What a person should know about what is not kept.
    """

    exif: bytes = b""
    dpi: tuple[float, float] | None = None
    xmp: bytes = b""
    iptc: bytes = b""
    notes: tuple[str, ...] = ()


def read_metadata(image: Image.Image, keep: KeepMetadata, *, width: int, height: int) -> PictureMetadata | None:
    """Return what the output of an image keeps; None if that is nothing.

    Args:
        image: The opened image.
        keep: How much to keep.
        width: Width of the upright image in pixels.
        height: Height of the upright image.
    """
    if keep is KeepMetadata.NONE:
        return None
    exif, notes = _read_exif(image, keep, width, height)
    dpi = _read_dpi(image) or _dpi_in(exif)
    xmp, iptc = b"", b""
    if keep is KeepMetadata.ALL:
        xmp, xmp_notes = clean_xmp(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b"")
        iptc, notes = _read_iptc(image), (*notes, *xmp_notes)
    made = PictureMetadata(exif, dpi, xmp, iptc, notes)
    return None if made == PictureMetadata() else made


def _read_exif(image: Image.Image, keep: KeepMetadata, width: int, height: int) -> tuple[bytes, tuple[str, ...]]:
    """Return the EXIF data of an output, and notes about what is left out of them."""
    try:
        source = image.getexif()
        values = {tag: source[tag] for tag in list(source)}
        groups = {ifd: dict(source.get_ifd(ifd)) for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)}
    except Exception:  # noqa: BLE001 - damaged EXIF data raise anything
        return b"", (_DAMAGED,)
    is_safe = keep is KeepMetadata.SAFE
    had_preview: list[int] = []
    kept = dict(_kept(values, exif_tags.SAFE_MAIN if is_safe else exif_tags.ALL_MAIN, is_safe, had_preview))
    camera = dict(_kept(groups[ExifTags.IFD.Exif], exif_tags.SAFE_CAMERA if is_safe else None, is_safe, had_preview))
    places = {} if is_safe else dict(_kept(groups[ExifTags.IFD.GPSInfo], None, is_safe, had_preview))
    if not (kept or camera or places):
        return b"", ()
    if _ORIENTATION in values:
        kept[_ORIENTATION] = 1
    camera |= {ExifTags.Base.ExifImageWidth.value: width, ExifTags.Base.ExifImageHeight.value: height}
    notes = ("previews in its EXIF data are not kept: they show the photo as it was",) if had_preview else ()
    return _build(kept, camera, places, notes)


def _kept(
    values: Mapping[int, Any], allowed: frozenset[int] | None, is_safe: bool, had_preview: list[int]
) -> Iterator[tuple[int, Any]]:
    """Yield the tags to keep of a group; add to `had_preview` those left out because a picture is in them."""
    for tag, value in values.items():
        if (tag not in allowed) if allowed is not None else (tag in exif_tags.ABOUT_THE_PIXELS):
            continue
        if isinstance(value, bytes) and _JPEG_START in value:
            had_preview.append(tag)
        elif not _fits(tag, value):
            continue
        elif (cleaned := _clean(value, is_safe)) is not None:
            yield tag, cleaned


def _fits(tag: int, value: Any) -> bool:
    """Return whether a value has the type of its tag. libtiff refuses whole files for one that has not."""
    if tag in exif_tags.TEXTS:
        return isinstance(value, str)
    if tag in exif_tags.BYTES:
        return isinstance(value, bytes)
    if tag == ExifTags.Base.ResolutionUnit:
        return value in (1, 2, 3)
    if tag in exif_tags.SMALL_NUMBERS:
        return isinstance(value, int) and 0 <= value < 1 << 16
    return tag not in exif_tags.RATIOS or (_is_sensible(value) and value >= 0)


def _clean(value: Any, is_safe: bool) -> Any:
    """Return a value in a form that can be written; None if it makes no sense."""
    if isinstance(value, str):
        text = value.partition("\0")[0] if is_safe else value.rstrip("\0")
        # Pillow decodes texts as Latin-1 and encodes them as ASCII: bytes keep what is in other alphabets.
        ok = text.strip() and (not is_safe or (len(text) <= _LONGEST_TEXT and _is_printable(text)))
        return (text if text.isascii() else text.encode("latin-1", "replace")) if ok else None
    if isinstance(value, bytes):
        return None if is_safe else value
    numbers = value if isinstance(value, tuple) else (value,)
    if is_safe and (not 1 <= len(numbers) <= _MOST_NUMBERS or not all(map(_is_sensible, numbers))):
        return None
    return value


def _is_printable(text: str) -> bool:
    return all(character.isprintable() or "\x80" <= character <= "\xa0" for character in text)


def _is_sensible(number: Any) -> bool:
    try:
        return math.isfinite(number) and abs(number) <= _LARGEST_NUMBER
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return False


def _build(
    kept: dict[int, Any], camera: dict[int, Any], places: dict[int, Any], notes: tuple[str, ...]
) -> tuple[bytes, tuple[str, ...]]:
    """Return EXIF data with these tags. What is too large for a JPEG file is left out, maker notes first."""
    maker_note = ExifTags.Base.MakerNote.value
    try:
        data = _to_bytes(kept, camera, places)
        if len(data) > _MOST_BYTES and maker_note in camera:
            camera = {tag: value for tag, value in camera.items() if tag != maker_note}
            data, notes = _to_bytes(kept, camera, places), (*notes, "its maker notes are too large: not kept")
    except Exception:  # noqa: BLE001 - values that EXIF cannot hold raise anything
        return b"", (*notes, _DAMAGED)
    if len(data) > _MOST_BYTES:
        return b"", (*notes, "its EXIF data are too large: not kept")
    return data, notes


def _to_bytes(kept: dict[int, Any], camera: dict[int, Any], places: dict[int, Any]) -> bytes:
    exif = Image.Exif()
    for tag, value in kept.items():
        exif[tag] = value
    exif.get_ifd(ExifTags.IFD.Exif).update(camera)
    if places:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(places)
    data = exif.tobytes()
    Image.Exif().load(data)  # raises where it could not be read again
    return data


def _read_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Return the resolution that an image states."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= _LARGEST_DPI and 1 <= down <= _LARGEST_DPI else None


def _dpi_in(exif_data: bytes) -> tuple[float, float] | None:
    """Return the resolution that EXIF data state; the unit 2 is the inch, and 3 the centimetre."""
    exif = load_exif(exif_data)
    scale = {2: 1.0, 3: 2.54}.get(exif.get(ExifTags.Base.ResolutionUnit, 2), 0.0)
    try:
        across, down = (float(exif[tag]) * scale for tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= _LARGEST_DPI and 1 <= down <= _LARGEST_DPI else None


def _read_iptc(image: Image.Image) -> bytes:
    """Return the IPTC data sets of a JPEG or TIFF file. Photoshop's other data hold a preview of the original."""
    resources = image.info.get("photoshop")
    found: Any = resources.get(exif_tags.IPTC_RESOURCE) if isinstance(resources, dict) else None
    if found is None:
        found = getattr(image, "tag_v2", {}).get(exif_tags.IPTC_TAG)
    return found if isinstance(found, bytes) and len(found) <= _MOST_BYTES and _JPEG_START not in found else b""


def load_exif(data: bytes) -> Image.Exif:
    """Return EXIF data that can be written again without loss."""
    exif = Image.Exif()
    exif.load(data)
    for tag in list(exif):
        value = exif[tag]
        if isinstance(value, str) and not value.isascii():
            exif[tag] = value.encode("latin-1", "replace")
    return exif
