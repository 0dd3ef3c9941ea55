"""Pigment on paper: its density after water has moved it, the pencil drawing below it, and the paper's shading."""

from __future__ import annotations

import numpy as np

from pix2style.teachers.watercolor.abstraction import (
    Colour,
    Plane,
    Shapes,
    blur,
    edge_flow,
    luma,
    smooth_along_edges,
    steepness,
)
from pix2style.teachers.watercolor.palette import smoothstep
from pix2style.teachers.watercolor.paper import Sheet
from pix2style.teachers.watercolor.settings import WatercolorSettings

# Shares of red, green and blue that paper and graphite absorb.
_PAPER_ABSORBS = np.array([0.0, 0.007, 0.022], np.float32)
_GRAPHITE_ABSORBS = np.array([0.75, 0.80, 0.70], np.float32)
# Smallest density: some pigment stays everywhere.
_MIN_DENSITY = 0.25


def pigment_density(paint: Colour, texture: Plane, sheet: Sheet, settings: WatercolorSettings) -> Plane:
    """Return the amount of pigment at each pixel relative to the paint's own, float32 [height, width]."""
    brush = settings.brush_radius_px
    darkness = blur(1 - luma(paint), max(0.17 * brush, 0.5))
    density = 0.9 - settings.turbulence * (2.6 * texture - 0.07 * sheet.flow)
    density += settings.granulation * 0.09 * sheet.grain * darkness
    density += _carried_to_edges(darkness, brush, settings)
    return np.maximum(density, np.float32(_MIN_DENSITY))


def _carried_to_edges(darkness: Plane, brush: float, settings: WatercolorSettings) -> Plane:
    """Return the change of density near edges: dark rims, paler middles, and bare paper on the light side of edges.

    Rims and bare paper come from the positive and negative differences between a plane and its blur (Luft and Deussen
    2006). The pale middle follows the blurred gradient, with which Bousseau et al. 2006 darken edges.
    """
    step = darkness - blur(darkness, 0.6 * brush)
    rim = 8.5 * np.clip(step, 0, 0.08) * (1.15 - darkness)
    nearness = 1 - np.exp(blur(steepness(darkness), 1.2 * brush) * np.float32(-9.5 * brush))
    pool = 0.66 * (nearness - 0.5) * (1.2 - darkness)
    gap = 9 * np.clip(-step - 0.01, 0, 0.1)
    carried: Plane = settings.edge_darkening * (rim + pool) - settings.paper_gap * gap
    return carried


def apply_density(paint: Colour, density: Plane) -> Colour:
    """Return the colour of a layer with `density` times the pigment: C (1 - (1 - C) (d - 1)), Bousseau et al. 2006."""
    layer: Colour = np.clip(paint * (1 - (1 - paint) * (density - 1)[..., None]), 0, 1)
    return layer


def pencil_transmission(shapes: Shapes, settings: WatercolorSettings) -> Colour | np.float32:
    """Return the share of light that a pencil drawing along the edges of the shapes lets through.

    Lines are where a difference of Gaussians across an edge, averaged along the edge, is negative: H. Winnemoeller,
    J. E. Kyprianidis, S. Olsen, "XDoG", Computers & Graphics 2012, doi:10.1016/j.cag.2012.03.004.
    """
    if not settings.pencil:
        return np.float32(1)
    fine = max(0.17 * settings.brush_radius_px, 0.5)
    tone = np.float32(0.5) * (luma(shapes.sketch) + luma(shapes.fine))
    flow = edge_flow(shapes.sketch, 2.5)
    across = smooth_along_edges(blur(tone, fine) - blur(tone, 2.1 * fine), flow, steps=3, step_px=1.3)
    line = smoothstep(0.004, 0.025, -across) * smoothstep(0.2, 0.5, flow.anisotropy)
    passing: Colour = 1 - np.float32(settings.pencil) * line[..., None] * _GRAPHITE_ABSORBS
    return passing


def light_paper(paint: Colour, sheet: Sheet, strength: float) -> Colour:
    """Add the colour and the relief of the paper: warm and slightly rough."""
    shading = 1 + np.float32(strength) * (np.float32(0.013) * sheet.relief - np.float32(0.01))
    lit: Colour = paint * (1 - np.float32(strength) * _PAPER_ABSORBS) * shading[..., None]
    return lit
