"""Choose how far the channels of a network are equalised before it is quantised, by trying it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pix2style.export.graph_session import GraphSession
from pix2style.export.lite.calibration import calibrate
from pix2style.export.lite.equalisation import equalise_channels
from pix2style.export.lite.int8_layers import Int8Layers
from pix2style.export.lite.lite_graph import lite_graph
from pix2style.export.reference import generate
from pix2style.images import Image8
from pix2style.nets.lite import Lite

# Networks differ: the error of a watercolour filter was smallest at 0.45, those of other styles at 0.75 or 0.9.
EXPONENTS = (0.45, 0.6, 0.75, 0.9)
# Few small crops are enough to compare, and take about a second.
_TRIED_PHOTOS, _TRIED_SIDE_PX = 4, 256
# An exponent must be better by so much than the one before, so that no rounding decides.
_MIN_GAIN = 0.02


def best_exponent(network: Lite, photos: Sequence[Image8]) -> float:
    """Return the exponent of `equalise_channels` with which the 8-bit filter comes closest to its network.

    Args:
        network: Folded network in evaluation mode, on the CPU.
        photos: Calibration photos; the first ones are used.
    """
    tried = [_middle(photo) for photo in photos[:_TRIED_PHOTOS]]
    references = [generate(network, [photo], style=number % network.styles)[0] for number, photo in enumerate(tried)]
    best, least = EXPONENTS[0], float("inf")
    for exponent in EXPONENTS:
        error = _error(network, tried, references, exponent)
        if error < least * (1 - _MIN_GAIN):
            best, least = exponent, error
    return best


def _middle(photo: Image8) -> Image8:
    """Return the middle of a photo."""
    top, left = (max(0, side - _TRIED_SIDE_PX) // 2 for side in photo.shape[:2])
    return photo[top : top + _TRIED_SIDE_PX, left : left + _TRIED_SIDE_PX]


def _error(network: Lite, photos: list[Image8], references: list[Image8], exponent: float) -> float:
    """Return the mean squared error of the 8-bit filter, calibrated on the photos themselves."""
    equalised = equalise_channels(network, photos, exponent)
    session = GraphSession(lite_graph(equalised, Int8Layers(equalised, calibrate(equalised, photos))))
    errors = []
    for number, (photo, reference) in enumerate(zip(photos, references, strict=True)):
        style = number % network.styles if network.styles > 1 else None
        difference = session.stylize([photo], style=style)[0].astype(np.float32) - reference
        errors.append(float(np.square(difference).mean()))
    return float(np.mean(errors))
