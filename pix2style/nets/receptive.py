"""Receptive fields, computed by interval arithmetic along one axis.

A network describes the path from its output back to its input as a chain of `Span` operations, one for each layer. The
result is exact, so tiles that overlap by the receptive field are equal to the whole image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Span(NamedTuple):
    """An interval of positions along one axis; `first` and `last` both belong to it."""

    first: int
    last: int

    def union(self, other: Span) -> Span:
        """Return the smallest span that contains both spans."""
        return Span(min(self.first, other.first), max(self.last, other.last))

    def input_of_conv(self, kernel: int, stride: int = 1, padding: int = 0) -> Span:
        """Return the inputs of a convolution that this span of its outputs depends on."""
        return Span(self.first * stride - padding, self.last * stride - padding + kernel - 1)

    def input_of_transposed_conv(self, kernel: int, stride: int, padding: int) -> Span:
        """Return the inputs of a transposed convolution that this span of its outputs depends on."""
        # Input i contributes to the outputs from i * stride - padding to i * stride - padding + kernel - 1.
        return Span(-((kernel - 1 - padding - self.first) // stride), (self.last + padding) // stride)

    def input_of_upsampling(self, factor: int) -> Span:
        """Return the inputs of nearest-neighbour upsampling or of a pixel shuffle that this span depends on."""
        return Span(self.first // factor, self.last // factor)

    def input_of_linear(self, factor: int) -> Span:
        """Return the inputs of linear upsampling by an even factor (align_corners=False) that this span depends on."""
        # Output o lies at (o + 1/2) / factor - 1/2. For an even factor that is always between two inputs.
        first, last = ((2 * at + 1 - factor) // (2 * factor) for at in self)
        return Span(first, last + 1)

    def input_of_unshuffle(self, factor: int) -> Span:
        """Return the inputs of a pixel unshuffle that this span of its outputs depends on."""
        return Span(self.first * factor, self.last * factor + factor - 1)


def receptive_radius(span_of: Callable[[Span], Span], period: int) -> int:
    """Return the largest distance, in pixels, at which an input can change an output.

    Args:
        span_of: Function from a span of outputs to the span of inputs that it depends on.
        period: Distance at which outputs repeat the same pattern of computation: the product of the strides, 1 for a
            network without strides. It may be smaller than `size_multiple`.
    """
    spans = [(at, span_of(Span(at, at))) for at in range(period)]
    return max(max(at - span.first, span.last - at) for at, span in spans)
