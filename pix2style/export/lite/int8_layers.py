"""The layers of the lightweight generator in 8 bits: from the bytes of the photo to the bytes of the output.

The graph is written with QuantizeLinear and DequantizeLinear around ordinary operators (the QDQ format), which every
runtime understands. ONNX Runtime fuses these into its 8-bit operators (QLinearConv, QLinearAdd; with channels last in
memory) only if they are arranged as here; then no float tensor of image size is left.

Features are uint8 and weights int8, because ONNX Runtime has fast kernels for uint8 x int8 on x86: with int8 features
its 3x3 convolutions are 20 to 40 times slower.
"""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from pix2style.export.graph_builder import Floats, GraphBuilder
from pix2style.export.lite.calibration import Calibration, QuantParams
from pix2style.export.lite.float_layers import (
    add_context,
    add_measured,
    as_floats,
    split_style_table,
    style_shift,
    weight_and_bias,
)
from pix2style.export.lite.int8_operators import (
    QuantizedConv,
    add_conv,
    add_scaled_conv,
    dequantize,
    dequantized_weight,
    fake_quantize,
    quantize,
)
from pix2style.export.lite.lite_graph import Sizes
from pix2style.export.lite.quantize_weights import quantize_weights
from pix2style.nets.lite import Lite, ResidualBlock

_HALF_RANGE = 127.5
_COLOURS = 3
# A photo's byte b means (b - 127.5) / 127.5, but a zero point must be an integer. So bytes are read with the zero point
# 128, half a level too low, and biases correct that (see `Int8Layers`).
_PIXEL_PARAMS = QuantParams(1 / _HALF_RANGE, 128)
_HALF_LEVEL = 0.5 / _HALF_RANGE


class Int8Layers:
    """Stem, residual blocks and head in 8 bits; see `lite_graph.LiteLayers`.

    Input bytes are read half a level too low (`_PIXEL_PARAMS`). The bias of the stem corrects this exactly, because its
    patches have no padding. Output bytes are written in the same way, and the bias of the head corrects that.

    Args:
        network: Folded network.
        calibration: Calibration of the same network.
        for_opencv: Build layers that OpenCV can run: without an If for strength, and with constant biases. They are
            slower and less exact in ONNX Runtime, but take any number of photos at once.
    """

    def __init__(self, network: Lite, calibration: Calibration, *, for_opencv: bool = False) -> None:
        self.network, self.params, self.means = network, calibration.params, calibration.means
        self.batch: str | int = "batch" if for_opencv else 1
        self.blends_in_branch = not for_opencv

    def add_layers(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None, sizes: Sizes) -> str:
        """Add the layers to a graph; see `lite_graph.LiteLayers.add_layers`."""
        network = self.network
        if network.norm == "instance":
            features = self._add_normalized(graph, pixels, glimpse)
        else:
            context = add_context(graph, network, glimpse)
            features = self._add_stem(graph, pixels, context, style, sizes)
            for number, block in enumerate(network.body):
                assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
                features = self._add_block(graph, block, number, features, style)
        head_input = f"features.{len(network.body)}"
        head = self._quantize_layer(network.head, head_input, colours=_COLOURS)
        head = replace(head, bias=head.bias - _HALF_LEVEL)
        params = self.params[head_input]
        levels = add_conv(graph, dequantize(graph, features, params), params, head)
        return quantize(graph, levels, _PIXEL_PARAMS)

    def _add_stem(self, graph: GraphBuilder, pixels: str, context: str, style: str | None, sizes: Sizes) -> str:
        """Add the convolution of the stem, the context, and ReLU."""
        if self.batch == 1:
            return self._stem_of_one_photo(graph, pixels, context, style)
        return self._stem_of_batch(graph, pixels, context, style, sizes)

    def _stem_of_one_photo(self, graph: GraphBuilder, pixels: str, context: str, style: str | None) -> str:
        """Make the context part of the convolution's bias.

        That costs no time, and it is exact: the 32-bit sums of a convolution are much finer than 8-bit features. But a
        convolution has one bias for the whole batch, so the graph takes one photo at a time. An If could choose between
        this and `_stem_of_batch`, but ONNX Runtime before 1.31 cannot load 8-bit convolutions inside an If.
        """
        features = self._stem_conv(graph, pixels, style, [graph.op("Reshape", context, graph.int64_vector(-1))])
        return quantize(graph, graph.op("Relu", features), self.params["features.0"])

    def _stem_of_batch(self, graph: GraphBuilder, pixels: str, context: str, style: str | None, sizes: Sizes) -> str:
        """Add the context of each photo to its feature maps, which are 8-bit values already."""
        stem = fake_quantize(graph, self._stem_conv(graph, pixels, style, []), self.params["stem"])
        features = graph.op("Relu", graph.op("Add", stem, self._expand_context(graph, context, sizes)))
        return quantize(graph, features, self.params["features.0"])

    def _add_normalized(self, graph: GraphBuilder, pixels: str, glimpse: str) -> str:
        """Add stem and blocks of a network with norm "instance"; see `add_scaled_conv`."""
        network, quantized = self.network, self._quantize_convolutions()

        def weights(layer: nn.Module) -> tuple[str, str]:
            # The rounded weights, so that what is measured is what the 8-bit layers give.
            weight, bias = quantized[layer].weight, quantized[layer].bias
            constant = layer is not network.stem
            return dequantized_weight(graph, weight, has_constant_bias=constant), graph.float_tensor(bias)

        levels = as_floats(graph, glimpse)
        glimpse_pixels = graph.op("Sub", graph.op("Div", levels, graph.scalar(_HALF_RANGE)), graph.scalar(1))
        stem_factors, stem_summands, *factors = add_measured(graph, network, glimpse_pixels, weights)
        stem = quantized[network.stem]
        features = add_scaled_conv(
            graph,
            graph.op("Transpose", pixels, perm=[0, 3, 1, 2]),
            _PIXEL_PARAMS,
            replace(stem, bias=stem.bias + _half_level(stem)),
            stem_factors,
            output_params=self.params["features.0"],
            summands=stem_summands,
            stride=network.scale,
        )
        for number, block in enumerate(network.body):
            input_params, hidden_params = self.params[f"features.{number}"], self.params[f"hidden.{number}"]
            residual_params = self.params[f"residual.{number}"]
            first, second = quantized[block.first], quantized[block.second]  # type: ignore[index]
            hidden = add_scaled_conv(
                graph, features, input_params, first, factors[2 * number], output_params=hidden_params
            )
            residual = add_scaled_conv(
                graph, hidden, hidden_params, second, factors[2 * number + 1], output_params=residual_params
            )
            summands = dequantize(graph, features, input_params), dequantize(graph, residual, residual_params)
            total = graph.op("Relu", graph.op("Add", *summands))
            features = quantize(graph, total, self.params[f"features.{number + 1}"])
        return features

    def _quantize_convolutions(self) -> dict[nn.Module, QuantizedConv]:
        """Quantise stem and blocks."""
        convolutions: dict[nn.Module, QuantizedConv] = {self.network.stem: self._quantize_layer(self.network.stem)}
        for number, block in enumerate(self.network.body):
            assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
            convolutions[block.first] = self._quantize_layer(block.first, f"features.{number}")
            convolutions[block.second] = self._quantize_layer(block.second, f"hidden.{number}")
        return convolutions

    def _stem_conv(self, graph: GraphBuilder, pixels: str, style: str | None, shifts: list[str]) -> str:
        """Add the convolution of the stem, with additional shifts of its channels."""
        photo = dequantize(graph, graph.op("Transpose", pixels, perm=[0, 3, 1, 2]), _PIXEL_PARAMS)
        shifts = [*_style_shifts(graph, self.network.stem, style), *shifts]
        stem, scale = self._quantize_layer(self.network.stem), self.network.scale
        stem = replace(stem, bias=stem.bias + _half_level(stem))
        return add_conv(graph, photo, _PIXEL_PARAMS, stem, shifts=shifts, stride=scale)

    def _expand_context(self, graph: GraphBuilder, context: str, sizes: Sizes) -> str:
        """Repeat the context at every position of the feature maps.

        It is quantised and channels-last when it is repeated, so that the only cost is writing these bytes.
        """
        params = self.params["context"]
        quantized = graph.op("Transpose", quantize(graph, context, params), perm=[0, 2, 3, 1])
        shape = graph.op("Concat", sizes.batch, sizes.rows, sizes.columns, graph.int64_vector(1), axis=0)
        expanded = graph.op("Transpose", graph.op("Expand", quantized, shape), perm=[0, 3, 1, 2])
        return dequantize(graph, expanded, params)

    def _add_block(
        self, graph: GraphBuilder, block: ResidualBlock, number: int, features: str, style: str | None
    ) -> str:
        input_name, hidden_name = f"features.{number}", f"hidden.{number}"
        input_params, hidden_params = self.params[input_name], self.params[hidden_name]
        block_input = dequantize(graph, features, input_params)
        hidden = add_conv(graph, block_input, input_params, self._quantize_layer(block.first, input_name))
        hidden = fake_quantize(graph, graph.op("Relu", hidden), hidden_params)
        second = self._quantize_layer(block.second, hidden_name)
        shifts = _style_shifts(graph, block.second, style)
        residual = add_conv(graph, hidden, hidden_params, second, shifts=shifts)
        residual = fake_quantize(graph, residual, self.params[f"residual.{number}"])
        # The features are dequantised a second time on purpose: OpenCV loses a dequantised value that two 8-bit
        # operators share.
        total = graph.op("Add", dequantize(graph, features, input_params), residual)
        return quantize(graph, graph.op("Relu", total), self.params[f"features.{number + 1}"])

    def _quantize_layer(
        self, layer: nn.Module, input_name: str | None = None, *, colours: int | None = None
    ) -> QuantizedConv:
        """Quantise the weights of a convolution, and correct its bias for their rounding errors (bias correction).

        Args:
            layer: Convolution, with or without shifts of styles.
            input_name: Name of the layer's input in the calibration. Its means tell what the rounding errors add to the
                output on average; that is subtracted from the bias. None for no correction.
            colours: See `quantize_weights`.
        """
        weight, bias = weight_and_bias(split_style_table(layer)[0])
        quantized = quantize_weights(weight, colours=colours)
        if input_name is not None:
            error = quantized.values * quantized.scales[:, None, None, None] - weight
            bias = bias - error.sum(axis=(2, 3)) @ self.means[input_name]
        return QuantizedConv(quantized, bias)


def _half_level(stem: QuantizedConv) -> Floats:
    """Return what corrects the bias of the stem for bytes that are read half a level too low, [filters]."""
    sums: Floats = stem.weight.values.sum(axis=(1, 2, 3)) * stem.weight.scales
    return _HALF_LEVEL * sums


def _style_shifts(graph: GraphBuilder, layer: nn.Module, style: str | None) -> list[str]:
    """Return what the style adds to each channel of a layer; an empty list if it adds nothing."""
    style_table = split_style_table(layer)[1]
    if style_table is None or style is None:
        return []
    return [style_shift(graph, style_table, style)]
