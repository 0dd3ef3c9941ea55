"""The lightweight generator's layers in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pix2style.export.graph_builder import Floats, GraphBuilder
from pix2style.export.lite.lite_graph import Sizes
from pix2style.images.glimpse import GLIMPSE_PATCH_PX
from pix2style.nets.lite import VARIANCE_EPSILON, Lite, ResidualBlock
from pix2style.nets.style_condition import ConditionalBias

_HALF_RANGE = 127.5
_LEVEL_MAX = 255


class FloatLayers:
    """Stem, blocks and head with ranges inside their weights: bytes in, levels out, and no pass over the picture extra.

    Args:
        network: folded.
    """

    batch: str | int = "batch"
    blended_in_branch = False

    def __init__(self, network: Lite) -> None:
        self.network = network

    def paint(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None, sizes: Sizes) -> str:
        """See `lite_graph.Layers`."""
        del sizes
        scale = self.network.scale
        stem, table = plain_layer(self.network.stem)
        weight, bias = for_levels(*numbers(stem))
        values = graph.cast(graph.op("Transpose", pixels, perm=[0, 3, 1, 2]), np.float32)
        features = _conv(graph, values, weight, styled_bias(graph, bias, table, style), scale)
        # The negative is taken away: a sum behind a convolution is merged into it by OpenCV, which then wants equal
        # shapes.
        told = told_by(graph, self.network, glimpse, negative=True)
        features = graph.op("Relu", graph.op("Sub", features, told))
        for block in self.network.body:
            assert isinstance(block, ResidualBlock)  # noqa: S101 (a ModuleList has no type of its elements)
            features = _block(graph, block, features, style)
        weight, bias = numbers(self.network.head)
        to_levels = graph.floats(bias * _HALF_RANGE + _HALF_RANGE)
        levels = graph.op("Round", _conv(graph, features, weight * _HALF_RANGE, to_levels))
        return graph.cast(graph.op("Clip", levels, graph.number(0), graph.number(_LEVEL_MAX)), np.uint8)


def told_by(graph: GraphBuilder, network: Lite, glimpse: str, *, negative: bool = False) -> str:
    """The context: float32 [batch, channels, 1, 1].

    Args:
        graph: to add to.
        network: whose context.
        glimpse: uint8 [batch, side, side, 3].
        negative: give the negative of it.
    """
    look, tell = network.observe.look, network.observe.tell
    seen = graph.cast(graph.op("Transpose", glimpse, perm=[0, 3, 1, 2]), np.float32)
    weight, bias = for_levels(*numbers(look[0]))
    seen = graph.op("Relu", _conv(graph, seen, weight, graph.floats(bias), GLIMPSE_PATCH_PX))
    statistics = _statistics(graph, graph.op("Relu", _conv(graph, seen, *_held(graph, look[2]))))
    first, last = (tuple(n if n.ndim == 1 else n[:, :, None, None] for n in numbers(tell[at])) for at in (0, 2))
    thought = graph.op("Relu", _conv(graph, statistics, first[0], graph.floats(first[1])))
    sign = -1 if negative else 1
    return _conv(graph, thought, sign * last[0], graph.floats(sign * last[1]))


def _statistics(graph: GraphBuilder, seen: str) -> str:
    """Mean and standard deviation of each channel: float32 [batch, 2 * channels, 1, 1]."""
    mean, square = (graph.op("GlobalAveragePool", values) for values in (seen, graph.op("Mul", seen, seen)))
    variance = graph.op("Max", graph.op("Sub", square, graph.op("Mul", mean, mean)), graph.number(0))
    return graph.op("Concat", mean, graph.op("Sqrt", graph.op("Add", variance, graph.number(VARIANCE_EPSILON))), axis=1)


def plain_layer(layer: nn.Module) -> tuple[nn.Module, Tensor | None]:
    """A convolution, and the table of numbers that styles add to what it gives, if it has one."""
    return (layer.layer, layer.table) if isinstance(layer, ConditionalBias) else (layer, None)


def numbers(layer: nn.Module) -> tuple[Floats, Floats]:
    """A layer's weight and bias."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)  # noqa: S101
    assert isinstance(bias, Tensor)  # noqa: S101
    return weight.detach().numpy().astype(np.float64), bias.detach().numpy().astype(np.float64)


def for_levels(weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Of a layer that takes [-1, 1], one that takes levels of 0..255; without padding, else the border would differ."""
    return weight / _HALF_RANGE, bias - weight.sum(axis=(1, 2, 3))


def styled_bias(graph: GraphBuilder, bias: Floats, table: Tensor | None, style: str | None) -> str:
    """A layer's bias, with the style's numbers in it: a sum over channels, not over pixels."""
    if table is None or style is None:
        return graph.floats(bias)
    row = graph.op("Unsqueeze", style, graph.whole(0))  # OpenCV multiplies no vectors
    added = graph.op("MatMul", row, graph.floats(table.detach().numpy()))
    return graph.op("Add", graph.op("Reshape", added, graph.whole(-1)), graph.floats(bias))


def _block(graph: GraphBuilder, block: ResidualBlock, features: str, style: str | None) -> str:
    inner = graph.op("Relu", _conv(graph, features, *_held(graph, block.first)))
    second, table = plain_layer(block.second)
    weight, bias = numbers(second)
    added = _conv(graph, inner, weight, styled_bias(graph, bias, table, style))
    return graph.op("Relu", graph.op("Add", features, added))


def _held(graph: GraphBuilder, layer: nn.Module) -> tuple[Floats, str]:
    weight, bias = numbers(layer)
    return weight, graph.floats(bias)


def _conv(graph: GraphBuilder, features: str, weight: NDArray[Any], bias: str, stride: int = 1) -> str:
    """A convolution that keeps the size, or one of patches that do not overlap."""
    kernel = weight.shape[2]
    pad = kernel // 2 if stride == 1 else 0
    return graph.op(
        "Conv",
        features,
        graph.floats(weight),
        bias,
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[pad] * 4,
    )
