"""Convert pixels between colour spaces, by ICC profiles and Little CMS."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pix2style.images.picture import WHITE, Image8

if TYPE_CHECKING:
    from PIL import ImageCms

# A colour space is kept if its 8 bits can hold what a network makes in sRGB: greys come back within 2 levels (linear
# light fails, and would show bands in dark parts) and colours on average (spaces smaller than sRGB fail).
_GREY_LEVELS_OFF, _MEAN_LEVELS_OFF = 2, 1.5
# Photos are converted in strips of rows, so that a large one needs no further copies in Pillow's format or in floats.
_PIXELS_PER_STRIP = 100_000


class ColourProfile:
    """An ICC profile that pixels can be converted from, to sRGB.

    Attributes:
        data: The profile.
        mode: Pillow mode of the pixels that it describes: `RGB`, `L` or `CMYK`.
        is_srgb: Whether the colour space is sRGB, up to one level.
        holds_srgb: Whether pixels in sRGB can be converted to this colour space and back with little loss.

    Raises:
        ValueError: The profile is damaged, or describes no pixels.
    """

    def __init__(self, data: bytes) -> None:
        from PIL import ImageCms  # Little CMS, which photos without a profile do not need

        self.data = data
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
            self.mode = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}[profile.profile.xcolor_space]
            # Little CMS samples curves of grey profiles too coarsely in dark parts if it optimizes them.
            flags = ImageCms.Flags.NOOPTIMIZE if self.mode == "L" else ImageCms.Flags.NONE
            srgb = ImageCms.createProfile("sRGB")
            self._to_srgb = ImageCms.buildTransform(profile, srgb, self.mode, "RGB", flags=flags)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError("the colour profile is damaged") from error
        self._from_srgb = _inverse(profile) if self.mode == "RGB" else None
        self.is_srgb, self.holds_srgb = self._compare() if self.mode == "RGB" else (False, False)

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """Convert an image of the mode of this profile to sRGB, mode RGB."""
        converted = self._to_srgb.apply(image)
        converted.info.pop("icc_profile", None)  # Little CMS puts its own sRGB profile there
        return converted

    def from_srgb(self, rgb: Image8) -> Image8:
        """Convert an image in sRGB to this colour space. Only if `holds_srgb`."""
        if self._from_srgb is None:
            raise ValueError("pixels cannot be converted to this profile")
        return np.array(self._from_srgb.apply(Image.fromarray(rgb)), dtype=np.uint8)

    def _compare(self) -> tuple[bool, bool]:
        greys, colours = _test_colours()
        in_srgb = [np.asarray(self.to_srgb(Image.fromarray(image))).astype(int) for image in (greys, colours)]
        off = [int(np.abs(a - b).max()) for a, b in zip(in_srgb, (greys, colours), strict=True)]
        if self._from_srgb is None:
            return max(off) <= 1, False
        grey_off, colour_off = (
            np.abs(np.asarray(self.to_srgb(Image.fromarray(self.from_srgb(image)))).astype(int) - image)
            for image in (greys, colours)
        )
        return max(off) <= 1, bool(grey_off.max() <= _GREY_LEVELS_OFF and colour_off.mean() <= _MEAN_LEVELS_OFF)


@lru_cache(maxsize=64)
def colour_profile(data: bytes) -> ColourProfile:
    """Return a profile, ready to convert pixels; see `ColourProfile`. Photos of a folder mostly share a few."""
    return ColourProfile(data)


def to_srgb(rgb: Image8, profile: bytes | None) -> Image8:
    """Convert RGB pixels to sRGB. They stay as they are if the profile is None, sRGB or damaged."""
    space = _other_space(profile)
    if space is None:
        return rgb
    converted = np.empty(rgb.shape, np.uint8)
    for strip in _strips(rgb):
        converted[strip] = np.asarray(space.to_srgb(Image.fromarray(rgb[strip])))
    return converted


def stylized_in(
    profile: bytes | None, photo: Image8, stylized: Image8, strength: float, *, in_srgb: Image8 | None = None
) -> Image8:
    """Convert what a network made of a photo in sRGB back to the colour space of the photo.

    What of the photo lies outside of sRGB is lost to the network. The share 1 - `strength` of it is added again. So
    strength 0 returns the photo exactly.

    Args:
        profile: Profile of the photo; None for sRGB.
        photo: The photo in its own colour space.
        stylized: Output of the network for `to_srgb(photo, profile)`, in sRGB.
        strength: Share of the style in `stylized`, from 0 to 1.
        in_srgb: `to_srgb(photo, profile)`, if that was computed already.
    """
    space = _other_space(profile)
    if space is None:
        return stylized
    if strength < 1 and in_srgb is None:
        in_srgb = to_srgb(photo, profile)
    result = np.empty(stylized.shape, np.uint8)
    for strip in _strips(stylized):
        result[strip] = space.from_srgb(stylized[strip])
        if strength < 1 and in_srgb is not None:
            lost = photo[strip].astype(np.float32) - space.from_srgb(in_srgb[strip])
            result[strip] = np.clip(np.rint(result[strip] + np.float32(1 - strength) * lost), 0, WHITE)
    return result


def _strips(image: Image8) -> Iterator[slice]:
    rows = max(1, _PIXELS_PER_STRIP // image.shape[1])
    return (slice(top, top + rows) for top in range(0, image.shape[0], rows))


def _other_space(profile: bytes | None) -> ColourProfile | None:
    """Return an RGB colour space other than sRGB; None for sRGB and for a profile that is damaged or not for RGB."""
    try:
        space = None if profile is None else colour_profile(profile)
    except ValueError:
        return None
    return None if space is None or space.is_srgb or space.mode != "RGB" else space


def _inverse(profile: ImageCms.ImageCmsProfile) -> ImageCms.ImageCmsTransform | None:
    from PIL import ImageCms

    try:
        return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), profile, "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1)
def _test_colours() -> tuple[Image8, Image8]:
    """Return all 256 greys, and 729 colours."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    steps = np.rint(np.linspace(0, 255, 9)).astype(np.uint8)
    return greys, np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
