"""Quantise the weights of a convolution to int8 such that the sum of every kernel is preserved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pix2style.export.graph_builder import Floats

# One less than int8 holds, because a weight may be rounded to the farther of its two neighbours.
_NEAREST_MAX = 126
# Processors with AVX2 or AVX-512 but without VNNI add the products of two features (0 to 255) and their weights in 16
# bits, and sums beyond 32,767 are cut off. 128 * 255 is below; rounding may add 2, and zero points of -1 another 2.
_LARGEST_PAIR = 124
_MIN_RANGE = 1e-8  # a filter whose weights are all zero needs a scale, too


@dataclass(frozen=True, slots=True)
class QuantizedWeight:
    """Weights quantised symmetrically (zero point 0), with one scale for each filter.

    Attributes:
        values: Integers from -127 to 127, stored as float64: [filters, channels, height, width].
        scales: Scale of each filter, float32 numbers stored as float64: [filters]. The real weight is value * scale.
    """

    values: Floats
    scales: Floats


def quantize_weights(weight: Floats, *, colours: int | None = None) -> QuantizedWeight:
    """Quantise weights: the nearest integers for which the sum of each kernel is the exact sum, rounded to nearest.

    The scales are as small as int8 and the sums of two products in 16 bits allow, so that the convolution is exact on
    processors without VNNI, too.

    In a uniform area of a photo, such as a smooth sky, a convolution's output depends on the sums of its kernels only.
    If nine weights are rounded independently, their sum is wrong by 0.87 scales (root mean square), and the whole area
    is shifted. If the sum is rounded instead, it is wrong by 0.29 scales.

    Args:
        weight: Weights, [filters, channels, height, width]. A kernel is the weights of one filter and one channel.
        colours: For the weights of a `FlatHead`: its number of colours. Its filters are ordered pixel by pixel of the
            output patch. Filters of the same colour then share one scale, and their kernels have equal sums, so that in
            uniform areas all pixels of a patch get the same value in 8 bits, too (no checkerboard).
    """
    ranges = np.maximum(np.abs(weight).max(axis=(1, 2, 3)) / _NEAREST_MAX, _largest_pairs(weight) / _LARGEST_PAIR)
    ranges = np.maximum(ranges, _MIN_RANGE / _NEAREST_MAX)
    if colours is not None:
        ranges = np.tile(ranges.reshape(-1, colours).max(axis=0), len(ranges) // colours)
    scales = ranges.astype(np.float32).astype(np.float64)
    exact = weight / scales[:, None, None, None]
    exact_sums = exact.sum(axis=(2, 3))
    if colours is not None:
        # `FlatHead` makes them equal already, apart from rounding errors of float32.
        mean_sums = exact_sums.reshape(-1, colours, exact_sums.shape[1]).mean(axis=0)
        exact_sums = np.tile(mean_sums, (len(exact_sums) // colours, 1))
    # Round all weights down. Then round up those with the largest remainders, as many as the sum needs.
    low = np.floor(exact)
    rounded_up = np.rint(exact_sums) - low.sum(axis=(2, 3))
    remainders = (exact - low).reshape(*rounded_up.shape, -1)
    ranks = np.argsort(np.argsort(-remainders, axis=-1, kind="stable"), axis=-1, kind="stable")
    return QuantizedWeight(low + (ranks < rounded_up[..., None]).reshape(low.shape), scales)


def _largest_pairs(weight: Floats) -> Floats:
    """Return the largest sum of two weights of equal sign that are multiplied in one instruction, [filters].

    ONNX Runtime lays convolutions out with channels last, and takes the weights of a filter two by two in that order.
    """
    rows = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    pairs = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).reshape(len(weight), -1, 2)
    sums = [np.maximum(sign * pairs, 0).sum(axis=2).max(axis=1) for sign in (1, -1)]
    largest: Floats = np.maximum(*sums)
    return largest
