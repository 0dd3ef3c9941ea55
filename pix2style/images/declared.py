"""Find out which colour space an image file declares, in whatever way it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import ExifTags, Image

from pix2style.images.cicp import ADOBE_RGB_PRIMARIES, SRGB_PRIMARIES, Chromaticities, Cicp
from pix2style.images.colour import ColourProfile, colour_profile
from pix2style.images.file_facts import FileFacts
from pix2style.images.icc import cicp_tag, matrix_profile
from pix2style.images.pixels import GREY_MODES
from pix2style.light_dataclass import dataclass

# Adobe RGB has this power (Adobe RGB (1998) Color Image Encoding, 4.3.4.2).
_ADOBE_RGB_POWER = 563 / 256
# Value of the tag ColorSpace by which some cameras mark Adobe RGB; the standard has the tag InteropIndex for it.
_ADOBE_RGB_COLOUR_SPACE = 2
# What cameras write that embed no profile for Adobe RGB, if they write no InteropIndex. It means "not sRGB".
_UNCALIBRATED = 0xFFFF
_UNCALIBRATED_NOTE = "is not in sRGB by its EXIF data, and has no profile: read as Adobe RGB"
_DAMAGED_PROFILE = "its colour profile is damaged: read as sRGB"
_UNFIT_PROFILE = "its colour profile is for pictures of another kind, so it is not used"
# By the specification of PNG (11.3.2.5), files in sRGB have this gamma, and the primaries of sRGB.
_GAMMA_OF_SRGB, _GAMMA_OFF, _PRIMARIES_OFF = 0.45455, 0.001, 0.002
# PNG files with another gamma are taken for damaged.
_LEAST_GAMMA, _LARGEST_GAMMA = 0.2, 5.0


@dataclass(frozen=True, slots=True)
class DeclaredColours:
    """The colour space of an image.

    Attributes:
        profile: Its profile; None for sRGB, and for HDR.
        hdr: Code points of a colour space of high dynamic range; else None.
        notes: What a person should know about it.
    """

    profile: ColourProfile | None = None
    hdr: Cicp | None = None
    notes: tuple[str, ...] = ()


def declared_colours(image: Image.Image, facts: FileFacts) -> DeclaredColours:
    """Return the colour space that an image declares: by a profile, code points, PNG's chunks, or EXIF.

    Args:
        image: The image as it was opened.
        facts: What Pillow does not tell about its file.
    """
    cicp = facts.cicp
    if cicp and facts.cicp_first:
        return _of_cicp(cicp)
    data = image.info.get("icc_profile") or facts.profile
    if not data:
        return _without_profile(image, cicp)
    if (tag := cicp_tag(data)) and tag.hdr:
        return DeclaredColours(hdr=tag)
    try:
        profile = colour_profile(data)
    except ValueError:
        other = _without_profile(image, cicp)
        return DeclaredColours(other.profile, other.hdr, (_DAMAGED_PROFILE,))
    if not _fits(profile.mode, image.mode):
        other = _without_profile(image, cicp)
        return DeclaredColours(other.profile, other.hdr, (_UNFIT_PROFILE,))
    return DeclaredColours(profile)


def _fits(profile_mode: str, image_mode: str) -> bool:
    """Return whether a profile can describe the pixels of an image. One for RGB describes greys, too."""
    if image_mode in ("CMYK", "LAB"):
        return profile_mode == image_mode
    return profile_mode == "RGB" or (profile_mode == "L" and image_mode in GREY_MODES)


def _without_profile(image: Image.Image, cicp: Cicp | None) -> DeclaredColours:
    if image.mode in ("CMYK", "LAB"):
        return DeclaredColours()
    if cicp:
        return _of_cicp(cicp)
    if "srgb" in image.info:
        return DeclaredColours()
    gamma = image.info.get("gamma")
    primaries = _chromaticities(image)
    is_near_srgb = primaries is None or np.allclose(primaries, SRGB_PRIMARIES, atol=_PRIMARIES_OFF)
    if gamma and abs(gamma - _GAMMA_OF_SRGB) < _GAMMA_OFF and is_near_srgb:
        return DeclaredColours()
    if gamma and _LEAST_GAMMA < gamma < _LARGEST_GAMMA:
        return _made("PNG", primaries or SRGB_PRIMARIES, 1 / gamma)
    if primaries:
        return _made("PNG", primaries, None)
    return _by_exif(image)


def _of_cicp(cicp: Cicp) -> DeclaredColours:
    if cicp.hdr:
        return DeclaredColours(hdr=cicp)
    if cicp.is_srgb:
        return DeclaredColours()
    return _made(f"CICP {cicp.primaries}/{cicp.transfer}", cicp.chromaticities, cicp.power)


def _made(name: str, primaries: Chromaticities, power: float | None) -> DeclaredColours:
    try:
        profile = colour_profile(matrix_profile(name, primaries, power))
    except ValueError:
        return DeclaredColours(notes=("its colour space makes no sense: read as sRGB",))
    return DeclaredColours() if profile.is_srgb else DeclaredColours(profile)


def _chromaticities(image: Image.Image) -> Chromaticities | None:
    values = image.info.get("chromaticity")
    return values if isinstance(values, tuple) and len(values) == 8 and any(values) else None


def _by_exif(image: Image.Image) -> DeclaredColours:
    """Return Adobe RGB if the EXIF data say so, as those of cameras do, which embed no profile; else sRGB."""
    try:
        exif = image.getexif()
        interop = str(exif.get_ifd(ExifTags.IFD.Interop).get(1, ""))
        colour_space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    except Exception:  # noqa: BLE001 - damaged EXIF data raise anything, and then say nothing
        return DeclaredColours()
    adobe_rgb = interop.startswith("R03") or colour_space == _ADOBE_RGB_COLOUR_SPACE
    uncalibrated = colour_space == _UNCALIBRATED and not interop.startswith("R98") and image.mode not in GREY_MODES
    if not adobe_rgb and not uncalibrated:
        return DeclaredColours()
    made = _made("Adobe RGB (1998)", ADOBE_RGB_PRIMARIES, _ADOBE_RGB_POWER)
    return made if adobe_rgb else replace(made, notes=(_UNCALIBRATED_NOTE,))
