"""From shapes to transparent colours: light tones in a few glazes, pure hues, cool shadows, paper for the lights."""

from __future__ import annotations

import numpy as np

from pix2style.teachers.watercolor.abstraction import Colour, Plane, Shapes, blur, luma, steepness
from pix2style.teachers.watercolor.paper import Sheet
from pix2style.teachers.watercolor.settings import WatercolorSettings

# Nothing painted with transparent pigment is blacker than this.
_DARKEST = 0.07
# Shadows are mixed from indigo and not from black; lights lean to yellow, shadows to blue.
_SHADOW_TINT = np.array([-0.03, -0.02, 0.07], np.float32)
_WARM = np.array([1.0, 0.1, -1.0], np.float32)


def expose(photo: Colour, brush_radius_px: float) -> Colour:
    """Lift dark surroundings and calm bright ones, by a local mean over four brushes; no clipping."""
    surroundings = blur(luma(photo), 4 * brush_radius_px)
    gain = ((surroundings + np.float32(0.05)) / np.float32(0.55)) ** np.float32(-0.2)
    bright: Colour = photo * gain[..., None]
    excess: Plane = np.maximum(_highest_channel(bright), 1)
    return bright / excess[..., None]


def texture_lost(photo: Colour, shapes: Shapes, brush_radius_px: float) -> Plane:
    """Lightness that abstraction took away, smoothed, around 0.

    It is put to use as the unevenness of the paint: unlike noise, it can be learnt from the photo.
    """
    return blur(luma(photo) - luma(shapes.fine), 0.36 * brush_radius_px)


def mix_paint(shapes: Shapes, texture: Plane, sheet: Sheet, settings: WatercolorSettings) -> Colour:
    """The colours of the washes on white paper, float32 [height, width, 3] in [0, 1]."""
    drawn = _glaze_details(shapes, settings.detail)
    chroma = _bleed(shapes, settings)
    colourfulness = np.sqrt(_square_length(chroma))
    stepped = _step_tones(drawn, texture, sheet, settings)
    lightness = _pale(stepped, colourfulness, settings)
    # As lightness is raised chroma goes along, or colours would turn grey; faint ones get a little more.
    gain = np.clip(lightness / (drawn + np.float32(0.08)), 0.6, 1.8)
    gain = gain * (settings.vividness * (1 + 0.46 * np.exp(-15 * colourfulness)))
    chroma = _vary_hue(chroma * gain[..., None].astype(np.float32), lightness, texture, sheet, settings.turbulence)
    return _within_gamut(lightness, chroma)


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """0 below `low`, 1 above `high`, an S between."""
    share: Plane = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _glaze_details(shapes: Shapes, detail: float) -> Plane:
    """Lightness of the broad washes, with what the fine brush adds.

    Watercolour goes from light to dark: darker details are glazed over the wash, lighter ones need paper to have been
    left, so weak ones are lost.
    """
    broad = luma(shapes.broad)
    change = luma(shapes.fine) - broad
    kept: Plane = np.minimum(change, 0) + np.maximum(change - np.float32(0.03), 0)
    return broad + np.float32(detail) * kept


def _bleed(shapes: Shapes, settings: WatercolorSettings) -> Colour:
    """Chroma (colour less luma) that has run: a little everywhere, far where no edge is near (wet in wet)."""
    brush = settings.brush_radius_px
    broad = luma(shapes.broad)
    both = (shapes.broad + shapes.fine) * np.float32(0.5)
    chroma: Colour = both - luma(both)[..., None]
    share = np.float32(settings.bleeding)
    chroma = chroma + share * (blur(chroma, 0.8 * brush) - chroma)
    calm: Plane = np.exp(blur(steepness(broad), 0.7 * brush) * np.float32(-14 * brush))
    run: Colour = chroma + (share * calm)[..., None] * (blur(chroma, 2 * brush) - chroma)
    return run


def _step_tones(drawn: Plane, texture: Plane, sheet: Sheet, settings: WatercolorSettings) -> Plane:
    """Part lightness into glazes with soft edges, which lost texture and a little noise make wander.

    Soft quantisation as in H. Winnemoeller, S. Olsen, B. Gooch, "Real-time video abstraction", SIGGRAPH 2006,
    doi:10.1145/1141911.1142018; blended with the unquantised tone, so that it does not turn into a poster.
    """
    steps = settings.wash_steps
    if not steps:
        return drawn
    wander = np.float32(settings.turbulence) * (np.float32(0.01) * sheet.flow + np.float32(0.4) * texture)
    level = (drawn + wander) * np.float32(steps)
    middle = np.floor(level) + np.float32(0.5)
    stepped: Plane = (middle + np.float32(0.5) * np.tanh(6 * (level - middle))) / np.float32(steps)
    return drawn + np.float32(0.6) * (stepped - drawn)


def _pale(lightness: Plane, colourfulness: Plane, settings: WatercolorSettings) -> Plane:
    """Thin the paint; leave the paper where the photo is nearly white.

    Strong colours are thinned less, and so are the darkest tones: accents carry a light painting.
    """
    exponent = np.float32(settings.tone_gamma) + np.float32(0.45) * np.minimum(colourfulness, 0.35)
    exponent = exponent + np.float32(0.35) * (1 - smoothstep(0.0, 0.3, lightness))
    pale = _DARKEST + (1 - _DARKEST) * np.power(np.clip(lightness, 0, 1), exponent)
    white = settings.white_point
    bare = smoothstep(white - 0.2, white + 0.08, pale - np.float32(0.7) * colourfulness)
    lightened: Plane = pale + (1 - pale) * bare
    return lightened


def _vary_hue(chroma: Colour, lightness: Plane, texture: Plane, sheet: Sheet, turbulence: float) -> Colour:
    """Turn hues a few degrees from place to place, warm the lights and cool the shadows."""
    uneven = np.float32(turbulence)
    angle = uneven * (np.float32(0.035) * sheet.flow + np.float32(0.7) * texture)
    red, green, blue = (chroma[..., channel] for channel in range(3))
    # Small turn about the grey axis: its cross product with the colour.
    turned = np.stack([blue - green, red - blue, green - red], axis=-1) * (angle / np.float32(3**0.5))[..., None]
    shadow = 1 - smoothstep(0.1, 0.6, lightness)
    warmth = np.float32(0.04) * (smoothstep(0.2, 0.9, lightness) - np.float32(0.45))
    warmth = warmth + uneven * (np.float32(0.014) * sheet.temperature + np.float32(0.6) * texture)
    warmth = warmth * (np.float32(1.6) * (1 - lightness) + np.float32(0.1))
    varied: Colour = chroma + turned + shadow[..., None] * _SHADOW_TINT + warmth[..., None] * _WARM
    return varied


def _within_gamut(lightness: Plane, chroma: Colour) -> Colour:
    """Add chroma to lightness, only as much as stays in [0, 1]: hue and lightness are kept, saturation gives way."""
    above = (1 - lightness) / np.maximum(_highest_channel(chroma), 1e-4)
    below = lightness / np.maximum(_highest_channel(-chroma), 1e-4)
    share = np.minimum(np.minimum(above, below), 1)
    colour: Colour = np.clip(lightness[..., None] + share[..., None] * chroma, 0, 1)
    return colour


def _highest_channel(picture: Colour) -> Plane:
    highest: Plane = np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])
    return highest


def _square_length(picture: Colour) -> Plane:
    return np.asarray(np.einsum("hwc,hwc->hw", picture, picture), np.float32)
