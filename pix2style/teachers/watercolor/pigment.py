"""Pigment on paper: where water carries it, how it dries, what was drawn underneath."""

from __future__ import annotations

import numpy as np

from pix2style.teachers.watercolor.abstraction import Colour, Plane, Shapes, blur, flow_of, follow, luma, steepness
from pix2style.teachers.watercolor.palette import smoothstep
from pix2style.teachers.watercolor.paper import Sheet
from pix2style.teachers.watercolor.settings import WatercolorSettings

# What paper and graphite take from red, green and blue.
_PAPER_ABSORBS = np.array([0.0, 0.007, 0.022], np.float32)
_GRAPHITE_ABSORBS = np.array([0.75, 0.80, 0.70], np.float32)
_THINNEST = 0.25


def pigment_density(paint: Colour, texture: Plane, sheet: Sheet, settings: WatercolorSettings) -> Plane:
    """How much more (above 1) or less pigment than the paint's own lies at each pixel, float32 [height, width]."""
    brush = settings.brush_radius_px
    darkness = blur(1 - luma(paint), max(0.17 * brush, 0.5))
    density = 0.9 - settings.turbulence * (2.6 * texture - 0.07 * sheet.flow)
    density += settings.granulation * 0.09 * sheet.grain * darkness
    density += _carried_to_edges(darkness, brush, settings)
    return np.maximum(density, np.float32(_THINNEST))


def _carried_to_edges(darkness: Plane, brush: float, settings: WatercolorSettings) -> Plane:
    """Dark rims, paler middles, and slivers of bare paper on the light side of edges.

    Rims and slivers are the two signs of a difference between a plane and its blur (Luft and Deussen 2006); the pale
    middle follows the blurred gradient, as Bousseau et al. 2006 darken edges by it.
    """
    step = darkness - blur(darkness, 0.6 * brush)
    rim = 8.5 * np.clip(step, 0, 0.08) * (1.15 - darkness)
    nearness = 1 - np.exp(blur(steepness(darkness), 1.2 * brush) * np.float32(-9.5 * brush))
    pool = 0.66 * (nearness - 0.5) * (1.2 - darkness)
    gap = 9 * np.clip(-step - 0.01, 0, 0.1)
    carried: Plane = settings.edge_darkening * (rim + pool) - settings.paper_gap * gap
    return carried


def apply_density(paint: Colour, density: Plane) -> Colour:
    """Colour of a layer with `density` times the pigment: C (1 - (1 - C) (d - 1)), Bousseau et al. 2006."""
    layer: Colour = np.clip(paint * (1 - (1 - paint) * (density - 1)[..., None]), 0, 1)
    return layer


def pencil_transmission(shapes: Shapes, settings: WatercolorSettings) -> Colour | np.float32:
    """Share of light that passes a pencil drawing along the edges of the shapes.

    Lines are where a difference of Gaussians across an edge, followed along it, is negative: H. Winnemoeller, J. E.
    Kyprianidis, S. Olsen, "XDoG", Computers & Graphics 2012, doi:10.1016/j.cag.2012.03.004.
    """
    if not settings.pencil:
        return np.float32(1)
    fine = max(0.17 * settings.brush_radius_px, 0.5)
    tone = np.float32(0.5) * (luma(shapes.sketch) + luma(shapes.fine))
    flow = flow_of(shapes.sketch, 2.5)
    across = follow(blur(tone, fine) - blur(tone, 2.1 * fine), flow, steps=3, step_px=1.3)
    line = smoothstep(0.004, 0.025, -across) * smoothstep(0.2, 0.5, flow.anisotropy)
    passing: Colour = 1 - np.float32(settings.pencil) * line[..., None] * _GRAPHITE_ABSORBS
    return passing


def light_paper(paint: Colour, sheet: Sheet, strength: float) -> Colour:
    """The painting as light falls on it: warm paper, slightly rough."""
    shading = 1 + np.float32(strength) * (np.float32(0.013) * sheet.relief - np.float32(0.01))
    lit: Colour = paint * (1 - np.float32(strength) * _PAPER_ABSORBS) * shading[..., None]
    return lit
