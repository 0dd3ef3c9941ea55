"""Settings of the watercolour filter."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

# Part of the teacher's digest: raise it whenever the same photo would be stylized differently.
ALGORITHM_VERSION = "2"

_RANGES: dict[str, tuple[float, float]] = {
    "brush_radius_px": (0.5, 64.0),
    "wobble_px": (0.0, 8.0),
    "detail": (0.0, 1.0),
    "wash_steps": (0.0, 32.0),
    "bleeding": (0.0, 1.0),
    "edge_darkening": (0.0, 3.0),
    "paper_gap": (0.0, 3.0),
    "turbulence": (0.0, 3.0),
    "granulation": (0.0, 3.0),
    "vividness": (0.0, 3.0),
    "tone_gamma": (0.2, 2.0),
    "white_point": (0.3, 1.0),
    "pencil": (0.0, 1.0),
    "paper": (0.0, 3.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WatercolorSettings:
    """Settings of the filter. The defaults suit photos of 256 to 512 px; for larger ones raise `brush_radius_px`.

    Strengths have no unit: 0 switches an effect off, and 1 is its normal strength. Ranges are in brackets.

    Attributes:
        brush_radius_px: Radius of the brush; all other lengths except wobble and grain scale with it [0.5, 64 px].
        wobble_px: Standard deviation of the distance by which the hand misses an edge [0, 8 px].
        detail: Share of the details of a finer brush that is added to the washes [0, 1].
        wash_steps: Number of glazes, one over the other, from white to black; 0 for smooth tones [0, 32].
        bleeding: How far colours run into each other; they run further where there is no edge [0, 1].
        edge_darkening: Pigment that is carried from the middle of a wash to its edge [0, 3].
        paper_gap: Paper that is left white beside an edge, on its light side [0, 3].
        turbulence: Unevenness of pigment and hue within a wash [0, 3].
        granulation: Pigment that settles in the grain of the paper where the paint is dark [0, 3].
        vividness: Factor on the colours' saturation [0, 3].
        tone_gamma: Exponent of lightness; below 1 the result is paler than the photo [0.2, 2].
        white_point: Lightness above which unsaturated colours are left as bare paper [0.3, 1].
        pencil: Darkness of the pencil drawing under the paint [0, 1].
        paper: Visibility of the paper's relief and warmth [0, 3].

    Raises:
        ValueError: If a value is outside its range.
    """

    brush_radius_px: float = 4.2
    wobble_px: float = 0.5
    detail: float = 0.95
    wash_steps: int = 5
    bleeding: float = 0.6
    edge_darkening: float = 1.0
    paper_gap: float = 1.0
    turbulence: float = 1.0
    granulation: float = 1.0
    vividness: float = 1.3
    tone_gamma: float = 0.48
    white_point: float = 0.84
    pencil: float = 0.3
    paper: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = _RANGES[field.name]
            value = getattr(self, field.name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{field.name} is {value}; it must be from {low:g} to {high:g}")

    def as_dict(self) -> dict[str, float]:
        """Return every field by name, as a plain number."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
