"""The layers of the lightweight generator in float32, and the context network, which is the same in every precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pix2style.export.graph_builder import Floats, GraphBuilder
from pix2style.export.lite.lite_graph import Sizes
from pix2style.images.glimpse import GLIMPSE_PATCH_PX
from pix2style.nets.glimpse_context import VARIANCE_EPSILON
from pix2style.nets.lite import Lite, ResidualBlock
from pix2style.nets.photo_norm import NORM_EPSILON, PhotoNorm, PhotoScale
from pix2style.nets.style_condition import ConditionalBias

_HALF_RANGE = 127.5
_LEVEL_MAX = 255


class FloatLayers:
    """Stem, residual blocks and head in float32; see `lite_graph.LiteLayers`.

    The conversions between levels of 0..255 and [-1, 1] are part of the weights of stem and head, so that they need no
    extra pass over the image.

    Args:
        network: Folded network.
    """

    batch: str | int = "batch"
    blends_in_branch = False

    def __init__(self, network: Lite) -> None:
        self.network = network

    def add_layers(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None, sizes: Sizes) -> str:
        """Add the layers to a graph; see `lite_graph.LiteLayers.add_layers`."""
        del sizes
        scale = self.network.scale
        stem, style_table = split_style_table(self.network.stem)
        weight, bias = take_levels(*weight_and_bias(stem))
        photo = as_floats(graph, pixels)
        features = _conv(graph, photo, weight, _styled_bias(graph, bias, style_table, style), scale)
        # The context is negated and subtracted. OpenCV would merge an Add behind a convolution into it, and then
        # requires both summands to have the same shape.
        if self.network.norm == "instance":
            measured = add_measured(graph, self.network, as_floats(graph, glimpse), self._add_weights(graph))
            features = graph.op("Relu", graph.op("Add", graph.op("Mul", features, measured[0]), measured[1]))
        else:
            measured = []
            negative_context = add_context(graph, self.network, glimpse, negative=True)
            features = graph.op("Relu", graph.op("Sub", features, negative_context))
        for number, block in enumerate(self.network.body):
            assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
            features = _add_block(graph, block, features, style, measured[2 + 2 * number : 4 + 2 * number])
        weight, bias = weight_and_bias(self.network.head)
        bias_in_levels = graph.float_tensor(bias * _HALF_RANGE + _HALF_RANGE)
        levels = graph.op("Round", _conv(graph, features, weight * _HALF_RANGE, bias_in_levels))
        return graph.cast(graph.op("Clip", levels, graph.scalar(0), graph.scalar(_LEVEL_MAX)), np.uint8)

    def _add_weights(self, graph: GraphBuilder) -> Callable[[nn.Module], tuple[str, str]]:
        """Return a function that adds weight and bias of a layer; those of the stem are for levels of 0..255."""

        def add(layer: nn.Module) -> tuple[str, str]:
            weight, bias = weight_and_bias(layer)
            if layer is self.network.stem:
                weight, bias = take_levels(weight, bias)
            return graph.float_tensor(weight), graph.float_tensor(bias)

        return add


def as_floats(graph: GraphBuilder, pixels: str) -> str:
    """Convert pixels, uint8 [batch, height, width, 3], to levels of 0..255: float32 [batch, 3, height, width]."""
    return graph.cast(graph.op("Transpose", pixels, perm=[0, 3, 1, 2]), np.float32)


def add_context(graph: GraphBuilder, network: Lite, glimpse: str, *, negative: bool = False) -> str:
    """Add the network that computes the global context from a glimpse.

    Args:
        graph: Graph that is extended.
        network: Network whose context is computed.
        glimpse: Glimpses, uint8 [batch, side, side, 3].
        negative: Whether to return the context with the opposite sign.

    Returns:
        The context: float32 [batch, channels, 1, 1].
    """
    context_network = network.context_network
    assert context_network is not None  # noqa: S101 (norm is none)
    patch_layers, statistics_layers = context_network.patch_layers, context_network.statistics_layers
    features = as_floats(graph, glimpse)
    weight, bias = take_levels(*weight_and_bias(patch_layers[0]))
    features = graph.op("Relu", _conv(graph, features, weight, graph.float_tensor(bias), GLIMPSE_PATCH_PX))
    features = graph.op("Relu", _conv(graph, features, *_constant_layer(graph, patch_layers[2])))
    statistics = _mean_and_deviation(graph, features)
    # Linear layers on vectors are written as 1x1 convolutions.
    (weight1, bias1), (weight2, bias2) = (weight_and_bias(statistics_layers[index]) for index in (0, 2))
    hidden = graph.op("Relu", _conv(graph, statistics, weight1[:, :, None, None], graph.float_tensor(bias1)))
    sign = -1 if negative else 1
    return _conv(graph, hidden, sign * weight2[:, :, None, None], graph.float_tensor(sign * bias2))


def add_measured(
    graph: GraphBuilder, network: Lite, pixels: str, weights: Callable[[nn.Module], tuple[str, str]]
) -> list[str]:
    """Add what `Lite` with norm "instance" measures on a glimpse: stem and blocks in float32.

    Args:
        graph: Graph that is extended.
        network: Network whose normalisations are measured.
        pixels: Glimpses, float32 [batch, 3, side, side], in the range that the stem's weights are for.
        weights: Returns the names of weight and bias of a convolution. They should be the very constants that the
            layers of the photo have: where a photo has a single colour, a normalisation multiplies any difference.

    Returns:
        Factors and summands of the stem, and the factors of both convolutions of each block: float32 [batch, channels,
        1, 1] each.
    """

    def convolve(features: str, layer: nn.Module, kernel: int, stride: int = 1) -> str:
        return _conv_of(graph, features, *weights(layer), kernel=kernel, stride=stride)

    features = convolve(pixels, network.stem, network.scale, network.scale)
    assert isinstance(network.stem_norm, PhotoNorm)  # noqa: S101 (norm is instance)
    mean = graph.op("GlobalAveragePool", features)
    centred = graph.op("Sub", features, mean)
    variance = graph.op("GlobalAveragePool", graph.op("Mul", centred, centred))
    factor = graph.op("Div", _per_channel(graph, network.stem_norm.weight), _root(graph, variance))
    summand = graph.op("Sub", _per_channel(graph, network.stem_norm.bias), graph.op("Mul", mean, factor))
    measured = [factor, summand]
    features = graph.op("Relu", graph.op("Add", graph.op("Mul", features, factor), summand))
    for block in network.body:
        assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
        hidden = convolve(features, block.first, 3)
        measured.append(_measure_scale(graph, block.first_norm, hidden))
        residual = convolve(graph.op("Relu", graph.op("Mul", hidden, measured[-1])), block.second, 3)
        measured.append(_measure_scale(graph, block.second_norm, residual))
        features = graph.op("Relu", graph.op("Add", features, graph.op("Mul", residual, measured[-1])))
    return measured


def _measure_scale(graph: GraphBuilder, scale: nn.Module | None, features: str) -> str:
    """Compute what `PhotoScale.measure` returns."""
    assert isinstance(scale, PhotoScale)  # noqa: S101 (norm is instance)
    mean_square = graph.op("GlobalAveragePool", graph.op("Mul", features, features))
    return graph.op("Div", _per_channel(graph, scale.weight), _root(graph, mean_square))


def _per_channel(graph: GraphBuilder, values: Tensor) -> str:
    return graph.float_tensor(values.detach().numpy()[:, None, None])


def _root(graph: GraphBuilder, mean_square: str) -> str:
    return graph.op("Sqrt", graph.op("Add", mean_square, graph.scalar(NORM_EPSILON)))


def _mean_and_deviation(graph: GraphBuilder, features: str) -> str:
    """Compute mean and standard deviation of each channel: float32 [batch, 2 * channels, 1, 1]."""
    squares = graph.op("Mul", features, features)
    mean, mean_square = (graph.op("GlobalAveragePool", values) for values in (features, squares))
    variance = graph.op("Max", graph.op("Sub", mean_square, graph.op("Mul", mean, mean)), graph.scalar(0))
    deviation = graph.op("Sqrt", graph.op("Add", variance, graph.scalar(VARIANCE_EPSILON)))
    return graph.op("Concat", mean, deviation, axis=1)


def split_style_table(layer: nn.Module) -> tuple[nn.Module, Tensor | None]:
    """Return a convolution and its table of style shifts, [styles, channels] (None if it has no table)."""
    return (layer.layer, layer.table) if isinstance(layer, ConditionalBias) else (layer, None)


def weight_and_bias(layer: nn.Module) -> tuple[Floats, Floats]:
    """Return the weight and the bias of a layer as float64 arrays."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)  # noqa: S101
    assert isinstance(bias, Tensor)  # noqa: S101
    return weight.detach().numpy().astype(np.float64), bias.detach().numpy().astype(np.float64)


def take_levels(weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Convert a convolution of inputs in [-1, 1] into one of inputs in levels of 0..255.

    Only for convolutions without zero padding: a padded 0 would mean grey before and black afterwards.

    Args:
        weight: Weights of the convolution, [filters, channels, height, width].
        bias: Biases of the convolution, [filters].

    Returns:
        The converted weights and biases.
    """
    return weight / _HALF_RANGE, bias - weight.sum(axis=(1, 2, 3))


def style_shift(graph: GraphBuilder, style_table: Tensor, style: str) -> str:
    """Compute the shift that a mixture of styles adds to each channel: float32 [channels].

    Args:
        graph: Graph that is extended.
        style_table: Shifts of every style, [styles, channels].
        style: Weights of the styles, float32 [styles].
    """
    row = graph.op("Unsqueeze", style, graph.int64_vector(0))  # a matrix, because OpenCV multiplies no vectors
    shift = graph.op("MatMul", row, graph.float_tensor(style_table.detach().numpy()))
    return graph.op("Reshape", shift, graph.int64_vector(-1))


def _styled_bias(graph: GraphBuilder, bias: Floats, style_table: Tensor | None, style: str | None) -> str:
    """Return the bias of a layer including the style's shift, which is cheaper than adding it to every pixel."""
    if style_table is None or style is None:
        return graph.float_tensor(bias)
    return graph.op("Add", style_shift(graph, style_table, style), graph.float_tensor(bias))


def _add_block(
    graph: GraphBuilder, block: ResidualBlock, features: str, style: str | None, measured: Sequence[str]
) -> str:
    """Add a residual block; `measured` is empty without normalisation."""
    hidden = _conv(graph, features, *_constant_layer(graph, block.first))
    if measured:
        hidden = graph.op("Mul", hidden, measured[0])
    second, style_table = split_style_table(block.second)
    weight, bias = weight_and_bias(second)
    residual = _conv(graph, graph.op("Relu", hidden), weight, _styled_bias(graph, bias, style_table, style))
    if measured:
        residual = graph.op("Mul", residual, measured[1])
    return graph.op("Relu", graph.op("Add", features, residual))


def _constant_layer(graph: GraphBuilder, layer: nn.Module) -> tuple[Floats, str]:
    """Return the weight of a layer, and the name of its bias in the graph."""
    weight, bias = weight_and_bias(layer)
    return weight, graph.float_tensor(bias)


def _conv(graph: GraphBuilder, features: str, weight: NDArray[Any], bias: str, stride: int = 1) -> str:
    """Add a convolution that keeps the size, or (with a stride) one of patches that do not overlap."""
    return _conv_of(graph, features, graph.float_tensor(weight), bias, kernel=weight.shape[2], stride=stride)


def _conv_of(graph: GraphBuilder, features: str, weight: str, bias: str, *, kernel: int, stride: int) -> str:
    """Add the same for a weight that the graph has already."""
    pad = kernel // 2 if stride == 1 else 0
    return graph.op(
        "Conv",
        features,
        weight,
        bias,
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[pad] * 4,
    )
