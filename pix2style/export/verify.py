"""Verify that an exported graph computes what its network computes. Every filter is verified before it is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from pix2style.errors import ArtifactError
from pix2style.export.generator_export import Precision
from pix2style.export.graph_session import GraphSession
from pix2style.export.reference import generate
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.nets.generator import Generator
from pix2style.nets.photo_norm import PhotoNorm
from pix2style.spec import GLIMPSE_NAME

# Height and width: a power of two; even and odd sides that are multiples of nothing; the smallest possible photo.
CHECKED_SIZES = ((256, 256), (300, 201), (127, 253), (5, 3), (1, 1))
_BATCH_SIZE = (61, 47)
_LEVEL_MAX = 255
# torch and ONNX Runtime sum the same numbers in different orders. Where the exact value is halfway between two levels,
# the last bit of the sum decides how it is rounded. So 1 level is allowed, in a small share of the bytes: measured were
# 0 to 1.2e-5 with every kind of generator after a short training (tests/export). The limit leaves room for other
# processors and larger networks. Real mistakes, such as half precision or another interpolation, exceed it by far.
MAX_DIFFERENCE_LEVELS = 1
MAX_DIFFERING_SHARE = 0.005
# Weights rounded to float16: measured was a difference of 1 level in 1 % of the bytes (lite with 48 channels).
_FP16_MAX_LEVELS, _FP16_MAX_SHARE = 2, 0.1
# A normalisation that applies the statistics of another photo multiplies these roundings: measured were up to 5 levels.
_FP16_MAX_LEVELS_NORMALIZED = 10
# 8 bits: the synthetic photos differ from the photos on which the value ranges were measured, so there is only a rough
# bound here, against mistakes. How good the file is on real photos is measured by `quality`.
_MIN_PSNR_DB = 20.0
_LIMITS: dict[Precision, tuple[int, float]] = {
    "fp32": (MAX_DIFFERENCE_LEVELS, MAX_DIFFERING_SHARE),
    "fp16": (_FP16_MAX_LEVELS, _FP16_MAX_SHARE),
    "int8": (_LEVEL_MAX, 1.0),
}


@dataclass(frozen=True, slots=True)
class Parity:
    """How much the output of a graph differs from the output of its network.

    Attributes:
        sizes: Height and width of the photos that were compared.
        max_difference_levels: Largest difference of a byte, in levels of 0..255.
        differing_share: Share of the bytes that differ, 0 to 1.
    """

    sizes: tuple[tuple[int, int], ...]
    max_difference_levels: int
    differing_share: float


def verify(network: Generator, session: GraphSession, precision: Precision = "fp32") -> Parity:
    """Compare a graph with the network that it was made from, on synthetic photos of several sizes and on a batch.

    If the graph has a glimpse as an optional input, the optional inputs are verified as well: every style, the glimpse
    of another photo, and that strength 0 returns the photo. Traced graphs have no such inputs.

    Args:
        network: Network in evaluation mode, on the CPU, in float32. It is not folded, so that folding is verified, too.
        session: Session with the graph.
        precision: Precision of the graph, which decides how large a difference is allowed.

    Raises:
        ArtifactError: The outputs differ by more than rounding, or the output of the network is not finite.
    """
    sizes = _comparable_sizes(network)
    differences = [_absolute_difference(network, session, [synthetic_photo(*size)]) for size in sizes]
    batch = [synthetic_photo(*_BATCH_SIZE, seed=seed) for seed in (1, 2)]
    differences.append(_absolute_difference(network, session, batch))
    if GLIMPSE_NAME in session.optional_inputs:
        differences += _optional_input_differences(network, session)
    all_differences = np.concatenate(differences)
    parity = Parity((*sizes, _BATCH_SIZE), int(all_differences.max()), float((all_differences > 0).mean()))
    max_levels, max_share = _LIMITS[precision]
    if precision == "fp16" and any(isinstance(module, PhotoNorm) for module in network.modules()):
        max_levels = _FP16_MAX_LEVELS_NORMALIZED
    mse = float(np.square(all_differences.astype(np.float64)).mean())
    psnr_db = 10 * np.log10(_LEVEL_MAX**2 / max(mse, 1e-9))
    if parity.max_difference_levels > max_levels or parity.differing_share > max_share or psnr_db < _MIN_PSNR_DB:
        raise ArtifactError(
            "the filter was not written, because its output differs from the network's: by up to"
            f" {parity.max_difference_levels} levels (allowed: {max_levels}), in {parity.differing_share:.2%} of bytes"
            f" (allowed: {max_share:.2%}), {psnr_db:.1f} dB; largest difference for each size (height x width):"
            f" {_format_by_size(sizes, differences)}"
        )
    return parity


def _absolute_difference(
    network: Generator,
    session: GraphSession,
    photos: list[Image8],
    *,
    style: int = 0,
    other_glimpse: Image8 | None = None,
) -> Image8:
    """Return the absolute differences of all bytes, in levels: uint8 [bytes]."""
    expected = generate(network, photos, style=style, glimpse=other_glimpse)
    inputs = {} if other_glimpse is None else {GLIMPSE_NAME: other_glimpse[None]}
    # Style 0 is not passed on: it is the default of the input `style`, and that is verified so.
    output = session.stylize(photos, style=style or None, **inputs)
    if output.shape != (len(photos), *photos[0].shape):
        raise ArtifactError(
            f"the filter was not written, because it turns photos of the shape {photos[0].shape} into {output.shape}"
        )
    return np.abs(output.astype(np.int16) - np.stack(expected)).astype(np.uint8).ravel()


def _optional_input_differences(network: Generator, session: GraphSession) -> list[Image8]:
    photo = synthetic_photo(*_BATCH_SIZE, seed=3)
    other_glimpse = glimpse(synthetic_photo(90, 120, seed=4))
    differences = [_absolute_difference(network, session, [photo], style=style) for style in range(1, network.styles)]
    differences.append(_absolute_difference(network, session, [photo], other_glimpse=other_glimpse))
    if not np.array_equal(session.stylize([photo], strength=np.zeros(1, np.float32))[0], photo):
        raise ArtifactError("the exported filter changes the photo at strength 0: this is a bug of pix2style")
    return differences


def _comparable_sizes(network: Generator) -> tuple[tuple[int, int], ...]:
    """Return the sizes to compare: all, but no single pixel for networks with InstanceNorm.

    InstanceNorm divides by the standard deviation. For a single pixel that is 0, so that it amplifies rounding errors.
    """
    normalises = any(isinstance(module, nn.InstanceNorm2d) for module in network.modules())
    return tuple(size for size in CHECKED_SIZES if not (normalises and size == (1, 1)))


def _format_by_size(sizes: tuple[tuple[int, int], ...], differences: list[Image8]) -> str:
    names = [*(f"{height}x{width}" for height, width in sizes), f"2 of {_BATCH_SIZE[0]}x{_BATCH_SIZE[1]}"]
    return ", ".join(f"{name}: {int(values.max())}" for name, values in zip(names, differences, strict=False))
