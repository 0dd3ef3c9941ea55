"""The EXIF tags that are kept, by their numbers in EXIF 2.32 and TIFF 6.0, and where IPTC data lie in files."""

from __future__ import annotations

from PIL import ExifTags

_Tag = ExifTags.Base
SAFE_MAIN = frozenset(
    tag.value
    for tag in (
        _Tag.Make,
        _Tag.Model,
        _Tag.XResolution,
        _Tag.YResolution,
        _Tag.ResolutionUnit,
        _Tag.DateTime,
        _Tag.Artist,
        _Tag.Copyright,
    )
)
"""Camera, resolution, date, artist and copyright: what `safe` keeps of the main group."""
SAFE_CAMERA = frozenset(
    tag.value
    for tag in (
        _Tag.DateTimeOriginal,
        _Tag.DateTimeDigitized,
        _Tag.OffsetTime,
        _Tag.OffsetTimeOriginal,
        _Tag.OffsetTimeDigitized,
        _Tag.SubsecTime,
        _Tag.SubsecTimeOriginal,
        _Tag.SubsecTimeDigitized,
        _Tag.ExposureTime,
        _Tag.FNumber,
        _Tag.ExposureProgram,
        _Tag.ISOSpeedRatings,
        _Tag.ShutterSpeedValue,
        _Tag.ApertureValue,
        _Tag.BrightnessValue,
        _Tag.ExposureBiasValue,
        _Tag.MaxApertureValue,
        _Tag.MeteringMode,
        _Tag.LightSource,
        _Tag.Flash,
        _Tag.FocalLength,
        _Tag.ExposureMode,
        _Tag.WhiteBalance,
        _Tag.DigitalZoomRatio,
        _Tag.FocalLengthIn35mmFilm,
        _Tag.SceneCaptureType,
        _Tag.LensSpecification,
        _Tag.LensMake,
        _Tag.LensModel,
    )
)
"""Dates, exposure and lens: what `safe` keeps of the group of the camera."""
ALL_MAIN = SAFE_MAIN | frozenset(
    tag.value
    for tag in (
        _Tag.DocumentName,
        _Tag.ImageDescription,
        _Tag.Software,
        _Tag.HostComputer,
        _Tag.PageName,
        _Tag.Rating,
        _Tag.RatingPercent,
        _Tag.XPTitle,
        _Tag.XPComment,
        _Tag.XPAuthor,
        _Tag.XPKeywords,
        _Tag.XPSubject,
    )
)
"""What `all` keeps of the main group. Its other tags describe the pixels, or hold previews and layers."""
TEXTS = frozenset(
    tag.value
    for tag in (
        _Tag.DocumentName,
        _Tag.ImageDescription,
        _Tag.Make,
        _Tag.Model,
        _Tag.PageName,
        _Tag.Software,
        _Tag.DateTime,
        _Tag.Artist,
        _Tag.HostComputer,
        _Tag.Copyright,
    )
)
RATIOS = frozenset((_Tag.XResolution.value, _Tag.YResolution.value))
SMALL_NUMBERS = frozenset((_Tag.Rating.value, _Tag.RatingPercent.value))
BYTES = frozenset(tag.value for tag in (_Tag.XPTitle, _Tag.XPComment, _Tag.XPAuthor, _Tag.XPKeywords, _Tag.XPSubject))
"""The types of the tags of the main group."""
ABOUT_THE_PIXELS = frozenset(
    tag.value
    for tag in (
        _Tag.ComponentsConfiguration,
        _Tag.CompressedBitsPerPixel,
        _Tag.ColorSpace,
        _Tag.ExifImageWidth,
        _Tag.ExifImageHeight,
        _Tag.ExifInteroperabilityOffset,
        _Tag.RelatedSoundFile,
    )
) | {0xA500}
"""What `all` leaves out of the group of the camera: the output has another colour space and another compression."""
XMP_TAG, IPTC_TAG = 700, 33723
IPTC_RESOURCE = 0x0404
_MARKER, _NAME = b"\xff\xed", b"Photoshop 3.0\0"


def iptc_segment(iptc: bytes) -> bytes:
    """Return the segment of a JPEG file that holds IPTC data, in the form that Photoshop introduced."""
    padding = b"\0" * (len(iptc) % 2)
    resource = b"8BIM" + IPTC_RESOURCE.to_bytes(2, "big") + b"\0\0" + len(iptc).to_bytes(4, "big") + iptc + padding
    content = _NAME + resource
    return _MARKER + (len(content) + 2).to_bytes(2, "big") + content
