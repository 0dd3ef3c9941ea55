"""Turn the colours of shapes into those of transparent paint: light tones, pure hues, cool shadows, bare paper."""

from __future__ import annotations

import numpy as np

from pix2style.teachers.watercolor.abstraction import Colour, Plane, Shapes, blur, luma, steepness
from pix2style.teachers.watercolor.paper import Sheet
from pix2style.teachers.watercolor.settings import WatercolorSettings

# Lightness of the darkest tone: transparent pigment is never black.
_DARKEST = 0.07
# Shadows are mixed from indigo and not from black. Lights are shifted towards yellow, shadows towards blue.
_SHADOW_TINT = np.array([-0.03, -0.02, 0.07], np.float32)
_WARM = np.array([1.0, 0.1, -1.0], np.float32)


def expose(photo: Colour, brush_radius_px: float) -> Colour:
    """Lighten dark regions and darken bright ones a little, by the mean over four brush radii, without clipping."""
    surroundings = blur(luma(photo), 4 * brush_radius_px)
    gain = ((surroundings + np.float32(0.05)) / np.float32(0.55)) ** np.float32(-0.2)
    bright: Colour = photo * gain[..., None]
    excess: Plane = np.maximum(_highest_channel(bright), 1)
    return bright / excess[..., None]


def lost_texture(photo: Colour, shapes: Shapes, brush_radius_px: float) -> Plane:
    """Return the difference of lightness that abstraction removed, smoothed; it varies around 0.

    It is used for the unevenness of the paint. Unlike noise, a network can learn it from the photo.
    """
    return blur(luma(photo) - luma(shapes.fine), 0.36 * brush_radius_px)


def mix_paint(shapes: Shapes, texture: Plane, sheet: Sheet, settings: WatercolorSettings) -> Colour:
    """Compute the colours of the washes on white paper, float32 [height, width, 3] in [0, 1]."""
    detailed = _glaze_details(shapes, settings.detail)
    chroma = _bleed(shapes, settings)
    colourfulness = np.sqrt(_square_length(chroma))
    quantized = _step_tones(detailed, texture, sheet, settings)
    lightness = _thin_paint(quantized, colourfulness, settings)
    # Chroma is raised with lightness, or colours would turn grey. Weak colours get a little more.
    gain = np.clip(lightness / (detailed + np.float32(0.08)), 0.6, 1.8)
    gain = gain * (settings.vividness * (1 + 0.46 * np.exp(-15 * colourfulness)))
    chroma = _vary_hue(chroma * gain[..., None].astype(np.float32), lightness, texture, sheet, settings.turbulence)
    return _within_gamut(lightness, chroma)


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """Return 0 below `low`, 1 above `high`, and a smooth cubic step between them."""
    share: Plane = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _glaze_details(shapes: Shapes, detail: float) -> Plane:
    """Return the lightness of the broad washes with the details of the fine brush.

    Watercolour is painted from light to dark. Darker details are glazed over the wash; lighter ones need paper that was
    left bare, so weak ones are lost.
    """
    broad = luma(shapes.broad)
    change = luma(shapes.fine) - broad
    details: Plane = np.minimum(change, 0) + np.maximum(change - np.float32(0.03), 0)
    return broad + np.float32(detail) * details


def _bleed(shapes: Shapes, settings: WatercolorSettings) -> Colour:
    """Return chroma (colour minus luma) that bleeds: a little everywhere, far where no edge is near (wet in wet)."""
    brush = settings.brush_radius_px
    broad = luma(shapes.broad)
    mean = (shapes.broad + shapes.fine) * np.float32(0.5)
    chroma: Colour = mean - luma(mean)[..., None]
    share = np.float32(settings.bleeding)
    chroma = chroma + share * (blur(chroma, 0.8 * brush) - chroma)
    flatness: Plane = np.exp(blur(steepness(broad), 0.7 * brush) * np.float32(-14 * brush))
    bled: Colour = chroma + (share * flatness)[..., None] * (blur(chroma, 2 * brush) - chroma)
    return bled


def _step_tones(lightness: Plane, texture: Plane, sheet: Sheet, settings: WatercolorSettings) -> Plane:
    """Quantise lightness into glazes with soft edges; lost texture and a little noise make the edges irregular.

    Soft quantisation as in H. Winnemoeller, S. Olsen, B. Gooch, "Real-time video abstraction", SIGGRAPH 2006,
    doi:10.1145/1141911.1142018; blended with the unquantised lightness, so that it does not look like a poster.
    """
    steps = settings.wash_steps
    if not steps:
        return lightness
    wander = np.float32(settings.turbulence) * (np.float32(0.01) * sheet.flow + np.float32(0.4) * texture)
    level = (lightness + wander) * np.float32(steps)
    middle = np.floor(level) + np.float32(0.5)
    quantized: Plane = (middle + np.float32(0.5) * np.tanh(6 * (level - middle))) / np.float32(steps)
    return lightness + np.float32(0.6) * (quantized - lightness)


def _thin_paint(lightness: Plane, colourfulness: Plane, settings: WatercolorSettings) -> Plane:
    """Lighten the tones as thinned paint does, and leave the paper bare where the photo is nearly white.

    Strong colours and the darkest tones are thinned less, because a light painting needs such accents.
    """
    exponent = np.float32(settings.tone_gamma) + np.float32(0.45) * np.minimum(colourfulness, 0.35)
    exponent = exponent + np.float32(0.35) * (1 - smoothstep(0.0, 0.3, lightness))
    pale = _DARKEST + (1 - _DARKEST) * np.power(np.clip(lightness, 0, 1), exponent)
    white = settings.white_point
    bare = smoothstep(white - 0.2, white + 0.08, pale - np.float32(0.7) * colourfulness)
    lightened: Plane = pale + (1 - pale) * bare
    return lightened


def _vary_hue(chroma: Colour, lightness: Plane, texture: Plane, sheet: Sheet, turbulence: float) -> Colour:
    """Rotate hues by a few degrees, unevenly, and make lights warmer and shadows cooler."""
    uneven = np.float32(turbulence)
    angle = uneven * (np.float32(0.035) * sheet.flow + np.float32(0.7) * texture)
    red, green, blue = (chroma[..., channel] for channel in range(3))
    # A small rotation about the grey axis adds the axis's cross product with the colour.
    rotation = np.stack([blue - green, red - blue, green - red], axis=-1) * (angle / np.float32(3**0.5))[..., None]
    shadow = 1 - smoothstep(0.1, 0.6, lightness)
    warmth = np.float32(0.04) * (smoothstep(0.2, 0.9, lightness) - np.float32(0.45))
    warmth = warmth + uneven * (np.float32(0.014) * sheet.temperature + np.float32(0.6) * texture)
    warmth = warmth * (np.float32(1.6) * (1 - lightness) + np.float32(0.1))
    varied: Colour = chroma + rotation + shadow[..., None] * _SHADOW_TINT + warmth[..., None] * _WARM
    return varied


def _within_gamut(lightness: Plane, chroma: Colour) -> Colour:
    """Add chroma to lightness, and reduce saturation, not hue or lightness, where the colour would leave [0, 1]."""
    above = (1 - lightness) / np.maximum(_highest_channel(chroma), 1e-4)
    below = lightness / np.maximum(_highest_channel(-chroma), 1e-4)
    share = np.minimum(np.minimum(above, below), 1)
    colour: Colour = np.clip(lightness[..., None] + share[..., None] * chroma, 0, 1)
    return colour


def _highest_channel(image: Colour) -> Plane:
    highest: Plane = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    return highest


def _square_length(image: Colour) -> Plane:
    return np.asarray(np.einsum("hwc,hwc->hw", image, image), np.float32)
