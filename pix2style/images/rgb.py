"""Make 8-bit RGB of the pixels of an image, in its own colour space or in sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2style.images.colour import ColourProfile
from pix2style.images.declared import DeclaredColours
from pix2style.images.hdr import tone_map
from pix2style.images.picture import Image8
from pix2style.images.pixels import Pixels

_LEVELS = np.arange(256, dtype=np.uint8)


def rgb_of(pixels: Pixels, colours: DeclaredColours, *, to_srgb: bool) -> tuple[Image8, bytes | None, tuple[str, ...]]:
    """Return RGB, its profile (None for sRGB), and what a person should know.

    The pixels stay in their own colour space, unless `to_srgb` is true or 8-bit RGB cannot hold it well.
    """
    if colours.hdr:
        note = f"has a high dynamic range ({colours.hdr.hdr}): tone-mapped to sRGB"
        return tone_map(_plain_rgb(pixels), colours.hdr), None, (note,)
    profile = colours.profile
    if profile is None:
        return _plain_rgb(pixels), None, ()
    if profile.is_srgb or (profile.holds_srgb and not to_srgb):
        return _plain_rgb(pixels), None if to_srgb else profile.data, ()
    if isinstance(pixels.values, np.ndarray):
        return _grey_to_srgb(pixels.values, profile), None, ()
    return np.array(profile.to_srgb(pixels.values), dtype=np.uint8), None, ()


def _plain_rgb(pixels: Pixels) -> Image8:
    """Return RGB without colour management; CMYK and Lab become sRGB by plain formulas."""
    values = pixels.values
    if isinstance(values, np.ndarray):
        levels = values if values.dtype == np.uint8 else np.rint(values).astype(np.uint8)
        return np.repeat(levels[..., None], 3, axis=2)
    return np.array(values if values.mode == "RGB" else values.convert("RGB"), dtype=np.uint8)


def _grey_to_srgb(grey: Image8 | NDArray[np.float64], profile: ColourProfile) -> Image8:
    """Convert greys by a table of all 256, between whose entries the fractions of 16-bit levels fall."""
    ramp = _LEVELS[None] if profile.mode == "L" else np.repeat(_LEVELS[None, :, None], 3, axis=2)
    table = np.asarray(profile.to_srgb(Image.fromarray(ramp)))[0]
    if grey.dtype == np.uint8:
        return np.asarray(table[grey.astype(np.uint8, copy=False)], dtype=np.uint8)
    channels = [np.rint(np.interp(grey, _LEVELS, table[:, band])) for band in range(3)]
    return np.stack(channels, axis=2).astype(np.uint8)
