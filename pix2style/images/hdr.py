"""Tone-map pictures of high dynamic range (PQ and HLG, ITU-R BT.2100) to sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.images.cicp import SRGB_PRIMARIES, Cicp
from pix2style.images.icc import linear_to_xyz
from pix2style.images.picture import WHITE, Image8

# Luminance of diffuse white in HDR pictures (ITU-R BT.2408), which becomes the white of sRGB.
WHITE_NITS = 203
# Peak of the screen that HLG is graded for, and the power of its system transfer function there.
HLG_PEAK_NITS, _HLG_POWER = 1000, 1.2
# Below this share of white nothing changes; above it highlights are compressed.
_KNEE = 0.75
# Few pixels may be brighter than the peak that is mapped to white.
_PEAK_PERCENTILE = 99.9
_VALUES_PER_STRIP = 3_000_000


def tone_map(rgb: Image8, cicp: Cicp) -> Image8:
    """Convert PQ or HLG to sRGB: diffuse white and everything darker keep their colours, highlights are compressed.

    Args:
        rgb: uint8 [height, width, 3], with the transfer function and the primaries of `cicp`.
        cicp: Colour space with `hdr`.
    """
    table = light_table(cicp.hdr)
    to_srgb = np.linalg.solve(linear_to_xyz(SRGB_PRIMARIES), linear_to_xyz(cicp.chromaticities)).astype(np.float32)
    luminance = linear_to_xyz(cicp.chromaticities)[1].astype(np.float32)
    # The brightest channel of each pixel decides, so that compressing keeps hues.
    peak = np.percentile(table[rgb.max(axis=2)], _PEAK_PERCENTILE)
    if cicp.hdr == "HLG":
        peak = peak * hlg_gain(np.asarray(peak, np.float32))
    peak = max(1.0, float(peak))
    result = np.empty_like(rgb)
    rows = max(1, _VALUES_PER_STRIP // (3 * rgb.shape[1]))
    for top in range(0, len(rgb), rows):
        light = table[rgb[top : top + rows]]
        if cicp.hdr == "HLG":
            light = light * hlg_gain(light @ luminance)[..., None]
        brightest = light.max(axis=2, keepdims=True)
        light *= compress_highlights(brightest, peak) / np.maximum(brightest, 1e-6)
        result[top : top + rows] = _encode(light @ to_srgb.T)
    return result


def light_table(hdr: str, levels_count: int = 256) -> NDArray[np.float32]:
    """Return the light of each level, as a share of diffuse white (for HLG, before the system's power).

    Args:
        hdr: `PQ` or `HLG`.
        levels_count: Number of levels, of which the last one is white.
    """
    levels = np.arange(levels_count) / (levels_count - 1)
    if hdr == "PQ":
        root = levels ** (1 / 78.84375)
        light = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    else:
        bright = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
        light = HLG_PEAK_NITS * np.where(levels <= 0.5, levels**2 / 3, bright)
    return (light / WHITE_NITS).astype(np.float32)


def hlg_gain(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factor by which HLG's system transfer function changes light of a luminance, a share of white."""
    relative = np.maximum(luminance * (WHITE_NITS / HLG_PEAK_NITS), 1e-6)
    gain: NDArray[np.float32] = relative ** (_HLG_POWER - 1)
    return gain


def compress_highlights(light: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """Map 0..peak to 0..1: unchanged below the knee, then a hyperbola that begins with the same slope."""
    if peak <= 1:
        return light
    above = np.maximum(light - _KNEE, 0)
    room, most = 1 - _KNEE, peak - _KNEE
    curve = above / (1 + above * (1 / room - 1 / most))
    compressed: NDArray[np.float32] = np.minimum(light, _KNEE) + curve
    return compressed


def _encode(light: NDArray[np.float32]) -> Image8:
    """Return linear sRGB as 8 bits; what lies outside is clipped."""
    light = np.clip(light, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    levels: Image8 = np.rint(WHITE * encoded).astype(np.uint8)
    return levels
