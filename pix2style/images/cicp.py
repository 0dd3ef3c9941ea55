"""Code points of colour spaces (ITU-T H.273), as PNG, AVIF, HEIC and ICC profiles have them."""

from __future__ import annotations

from pix2style.light_dataclass import dataclass

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue."""

_D65 = (0.3127, 0.3290)
SRGB_PRIMARIES: Chromaticities = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB_PRIMARIES: Chromaticities = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
REC2020_PRIMARIES: Chromaticities = (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)

_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB_PRIMARIES,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),  # NTSC, 1953
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),  # PAL
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # NTSC, SMPTE C
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),  # film
    9: REC2020_PRIMARIES,
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # P3 of cinemas
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),  # EBU Tech. 3213
}
# Powers of plain transfer functions. The others, but for PQ and HLG, are read as that of sRGB. So viewers treat that of
# video (1, 6, 14, 15), which differs little and describes cameras rather than screens.
_POWERS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_PQ, _HLG = 16, 18


@dataclass(frozen=True, slots=True)
class Cicp:
    """Colour space by code points.

    Attributes:
        primaries: Number of the colour primaries.
        transfer: Number of the transfer characteristics.
    """

    primaries: int
    transfer: int

    @property
    def hdr(self) -> str:
        """`PQ` or `HLG` if the image has a high dynamic range, else empty."""
        return {_PQ: "PQ", _HLG: "HLG"}.get(self.transfer, "")

    @property
    def chromaticities(self) -> Chromaticities:
        """Primaries and white; those of sRGB if they are unspecified or unknown."""
        return _PRIMARIES.get(self.primaries, SRGB_PRIMARIES)

    @property
    def power(self) -> float | None:
        """Power of the transfer function; None for the curve of sRGB."""
        return _POWERS.get(self.transfer)

    @property
    def is_srgb(self) -> bool:
        """Whether this is sRGB, or says nothing else."""
        return self.chromaticities == SRGB_PRIMARIES and self.power is None and not self.hdr
