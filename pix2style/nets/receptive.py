"""Receptive fields by interval arithmetic: which inputs can change an output, along one axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Span(NamedTuple):
    """Positions first..last along one axis, both included."""

    first: int
    last: int

    def union(self, other: Span) -> Span:
        """The smallest span that holds both."""
        return Span(min(self.first, other.first), max(self.last, other.last))

    def before_conv(self, kernel: int, stride: int = 1, padding: int = 0) -> Span:
        """The inputs of a convolution that this span of its outputs sees."""
        return Span(self.first * stride - padding, self.last * stride - padding + kernel - 1)

    def before_transposed_conv(self, kernel: int, stride: int, padding: int) -> Span:
        """The inputs of a transposed convolution that this span of its outputs sees."""
        # Input i writes outputs i * stride - padding .. + kernel - 1.
        return Span(-((kernel - 1 - padding - self.first) // stride), (self.last + padding) // stride)

    def before_upsampling(self, factor: int) -> Span:
        """The inputs of a nearest-neighbour enlargement or a pixel shuffle that this span of its outputs sees."""
        return Span(self.first // factor, self.last // factor)

    def before_linear(self, factor: int) -> Span:
        """The inputs of a linear enlargement by an even factor (pixel centres aligned) that this span sees."""
        # Output o lies at (o + 1/2) / factor - 1/2 between two inputs, never on one.
        first, last = ((2 * at + 1 - factor) // (2 * factor) for at in self)
        return Span(first, last + 1)

    def before_unshuffle(self, factor: int) -> Span:
        """The inputs of a pixel unshuffle that this span of its outputs sees."""
        return Span(self.first * factor, self.last * factor + factor - 1)


def receptive_radius(span_of: Callable[[Span], Span], period: int) -> int:
    """The largest distance at which an input can change an output.

    Args:
        span_of: from a span of outputs to the inputs that it sees.
        period: outputs this far apart are computed alike (the product of the strides).
    """
    spans = [(at, span_of(Span(at, at))) for at in range(period)]
    return max(max(at - span.first, span.last - at) for at, span in spans)
