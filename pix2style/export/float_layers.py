"""The lightweight generator's layers in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pix2style.export.graph_parts import GraphBuilder
from pix2style.images.glimpse import GLIMPSE_PATCH_PX
from pix2style.nets.lite import LEAST_VARIANCE, Lite, ResidualBlock
from pix2style.nets.style_condition import Shifted

Floats = NDArray[np.float64]
_HALF_RANGE = 127.5
_LEVEL_MAX = 255


class FloatLayers:
    """Stem, blocks and head with ranges inside their weights: bytes in, levels out, and no pass over the picture extra.

    Args:
        network: folded.
    """

    blended_in_branch = False

    def __init__(self, network: Lite) -> None:
        self.network = network

    def paint(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None) -> str:
        """See `lite_graph.Layers`."""
        network = self.network
        shifts = Shifts(graph, network, glimpse, style)
        stem, table = plain_layer(network.stem)
        weight, bias = for_levels(*numbers(stem))
        bias_now = graph.op("Add", shifts.next(table), graph.floats(bias))
        features = graph.op("Relu", _conv(graph, graph.cast(pixels, np.float32), weight, bias_now, network.scale))
        for block in network.body:
            assert isinstance(block, ResidualBlock)  # noqa: S101 (a ModuleList has no type of its elements)
            features = _block(graph, block, features, shifts)
        weight, bias = numbers(network.head)
        to_levels = graph.floats(bias * _HALF_RANGE + _HALF_RANGE)
        levels = graph.op("Round", _conv(graph, features, weight * _HALF_RANGE, to_levels))
        return graph.cast(graph.op("Clip", levels, graph.number(0), graph.number(_LEVEL_MAX)), np.uint8)


class Shifts:
    """What context and style add to each layer's bias, taken layer by layer in the order in which they are run.

    Sums over channels, not over pixels.

    Args:
        graph: to add to.
        network: whose context.
        glimpse: uint8 [1, side, side, 3].
        style: float32 [styles]; None if the network holds one.
    """

    def __init__(self, graph: GraphBuilder, network: Lite, glimpse: str, style: str | None) -> None:
        self._graph, self._style, self._channels, self._taken = graph, style, network.channels, 0
        self._told = graph.op("Reshape", _observed(graph, network, glimpse), graph.whole(-1))

    def next(self, table: Tensor | None = None) -> str:
        """For the next layer: float32 [channels].

        Args:
            table: of the layer's numbers for each style, [styles, channels]; None where styles add nothing.
        """
        graph, start = self._graph, self._taken
        self._taken += self._channels
        told = graph.op("Slice", self._told, graph.whole(start), graph.whole(self._taken))
        if table is None or self._style is None:
            return told
        row = graph.op("Unsqueeze", self._style, graph.whole(0))  # OpenCV multiplies no vectors
        added = graph.op("MatMul", row, graph.floats(table.detach().numpy()))
        return graph.op("Add", told, graph.op("Reshape", added, graph.whole(-1)))


def _observed(graph: GraphBuilder, network: Lite, glimpse: str) -> str:
    """The context: float32 [1, numbers, 1, 1]."""
    look, tell = network.observe.look, network.observe.tell
    seen = graph.cast(graph.op("Transpose", glimpse, perm=[0, 3, 1, 2]), np.float32)
    weight, bias = for_levels(*numbers(look[0]))
    seen = graph.op("Relu", _conv(graph, seen, weight, graph.floats(bias), GLIMPSE_PATCH_PX))
    seen = graph.op("Relu", _conv(graph, seen, *_held(graph, look[2])))
    mean = graph.op("GlobalAveragePool", seen)
    square = graph.op("GlobalAveragePool", graph.op("Mul", seen, seen))
    variance = graph.op("Max", graph.op("Sub", square, graph.op("Mul", mean, mean)), graph.number(0))
    spread = graph.op("Sqrt", graph.op("Add", variance, graph.number(LEAST_VARIANCE)))
    statistics = graph.op("Concat", mean, spread, axis=1)
    first, last = (tuple(n if n.ndim == 1 else n[:, :, None, None] for n in numbers(tell[at])) for at in (0, 2))
    thought = graph.op("Relu", _conv(graph, statistics, first[0], graph.floats(first[1])))
    return _conv(graph, thought, last[0], graph.floats(last[1]))


def plain_layer(layer: nn.Module) -> tuple[nn.Module, Tensor | None]:
    """A convolution, and the table of numbers that styles add to what it gives, if it has one."""
    return (layer.layer, layer.table) if isinstance(layer, Shifted) else (layer, None)


def numbers(layer: nn.Module) -> tuple[Floats, Floats]:
    """A layer's weight and bias."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)  # noqa: S101
    assert isinstance(bias, Tensor)  # noqa: S101
    return weight.detach().numpy().astype(np.float64), bias.detach().numpy().astype(np.float64)


def for_levels(weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Of a layer that takes [-1, 1], one that takes levels of 0..255; without padding, else the border would differ."""
    return weight / _HALF_RANGE, bias - weight.sum(axis=(1, 2, 3))


def _block(graph: GraphBuilder, block: ResidualBlock, features: str, shifts: Shifts) -> str:
    weight, bias = numbers(block.first)
    bias_now = graph.op("Add", shifts.next(), graph.floats(bias))
    inner = graph.op("Relu", _conv(graph, features, weight, bias_now))
    second, table = plain_layer(block.second)
    weight, bias = numbers(second)
    bias_now = graph.op("Add", shifts.next(table), graph.floats(bias))
    return graph.op("Relu", graph.op("Add", features, _conv(graph, inner, weight, bias_now)))


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
