"""Store metadata in image files, beside the note that says what made them."""

from __future__ import annotations

from dataclasses import replace
from typing import IO, Any

from PIL import ExifTags, Image

from pix2style.images import exif_tags
from pix2style.images.metadata import PictureMetadata, load_exif
from pix2style.images.picture import Image8

_SOFTWARE = ExifTags.Base.Software.value
_WITH_EXIF = ("JPEG", "PNG", "WEBP", "AVIF")
_WITH_DPI = ("JPEG", "PNG", "TIFF", "BMP")


def of_size(metadata: PictureMetadata | None, rgb: Image8) -> PictureMetadata | None:
    """Return metadata that state the size of an image, which may have been shrunk."""
    if metadata is None or not metadata.exif:
        return metadata
    exif = load_exif(metadata.exif)
    camera, (height, width) = exif.get_ifd(ExifTags.IFD.Exif), rgb.shape[:2]
    stated = {ExifTags.Base.ExifImageWidth.value: width, ExifTags.Base.ExifImageHeight.value: height}
    if all(camera.get(tag, number) == number for tag, number in stated.items()):
        return metadata
    camera.update(stated)
    return replace(metadata, exif=exif.tobytes())


def metadata_options(kind: str, metadata: PictureMetadata | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of Pillow's `save` that store metadata, and the note.

    Args:
        kind: Format of the file, in Pillow's words.
        metadata: What is kept; None for nothing.
        options: The options for the note; see `origin.origin_options`.
    """
    if metadata is None:
        return options
    options, exif = dict(options), _exif_with_note(kind, metadata, options)
    if metadata.dpi and kind in _WITH_DPI:
        options["dpi"] = metadata.dpi
    if kind == "TIFF":
        options["tiffinfo"] = exif
    elif kind in _WITH_EXIF and len(exif):
        options["exif"] = exif.tobytes()
    if kind == "JPEG" and metadata.iptc:
        options["extra"] = exif_tags.iptc_segment(metadata.iptc)
    if metadata.xmp and kind == "PNG" and "pnginfo" in options:
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8"))
    elif metadata.xmp and kind in _WITH_EXIF:
        options["xmp"] = metadata.xmp
    return options


def lost_metadata_notes(kind: str | None, metadata: PictureMetadata | None) -> tuple[str, ...]:
    """Return what a person should know about metadata that are to be kept, and that a file of a format cannot hold.

    Args:
        kind: Format of the file, in Pillow's words.
        metadata: What is to be kept; None for nothing.
    """
    if metadata is None or kind is None:
        return ()
    held = {"EXIF data": (*_WITH_EXIF, "TIFF"), "XMP": (*_WITH_EXIF, "TIFF"), "IPTC data": ("JPEG", "TIFF")}
    values = (metadata.exif, metadata.xmp, metadata.iptc)
    lost = [name for (name, kinds), value in zip(held.items(), values, strict=True) if value and kind not in kinds]
    return (f"its {' and '.join(lost)} are not kept: {kind} files do not hold them",) if lost else ()


def _exif_with_note(kind: str, metadata: PictureMetadata, options: dict[str, Any]) -> Image.Exif:
    """Return the EXIF data of a file. The note takes the place of the program that made the photo."""
    exif = load_exif(metadata.exif)
    note = options["tiffinfo"] if "tiffinfo" in options else load_exif(options.get("exif", b""))
    if _SOFTWARE in note:
        exif[_SOFTWARE] = note[_SOFTWARE]
    if kind == "TIFF":
        drop = [ExifTags.IFD.Exif.value, ExifTags.IFD.GPSInfo.value]  # see `add_metadata`
        more = {exif_tags.XMP_TAG: metadata.xmp, exif_tags.IPTC_TAG: metadata.iptc}
        for tag, value in more.items():
            if value:
                exif[tag] = value
    else:
        # Pillow removes the orientation from AVIF files, and loses what is not ASCII on the way.
        drop = [ExifTags.Base.Orientation.value] if kind == "AVIF" else []
    for tag in drop:
        if tag in exif:
            del exif[tag]
    if metadata.dpi and kind in ("WEBP", "AVIF"):
        exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution] = metadata.dpi
        exif[ExifTags.Base.ResolutionUnit] = 2  # inch
    return exif


def add_metadata(stream: IO[bytes], kind: str, metadata: PictureMetadata | None) -> None:
    """Store in a finished file, which is open for reading and writing, what Pillow's `save` cannot."""
    if kind == "TIFF" and metadata is not None and metadata.exif:
        from pix2style.images.tiff_groups import add_groups

        add_groups(stream, metadata.exif)
