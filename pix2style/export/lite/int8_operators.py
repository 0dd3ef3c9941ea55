"""8-bit operators in the QDQ format: QuantizeLinear and DequantizeLinear around ordinary operators of ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pix2style.export.graph_builder import Floats, GraphBuilder
from pix2style.export.lite.calibration import QuantParams
from pix2style.export.lite.quantize_weights import QuantizedWeight

_SMALLEST_FACTOR = 1e-9  # of a normalisation; a smaller one would make the bias infinite
_LARGEST_BIAS = 2.0**30  # in steps of the 32-bit sums


def quantize(graph: GraphBuilder, values: str, params: QuantParams) -> str:
    """Add a conversion from float32 to uint8."""
    scale, zero_point = graph.scalar(params.scale), graph.constant(params.zero_point, np.uint8)
    return graph.op("QuantizeLinear", values, scale, zero_point)


def dequantize(graph: GraphBuilder, quantized: str, params: QuantParams) -> str:
    """Add a conversion from uint8 to float32."""
    scale, zero_point = graph.scalar(params.scale), graph.constant(params.zero_point, np.uint8)
    return graph.op("DequantizeLinear", quantized, scale, zero_point)


def fake_quantize(graph: GraphBuilder, values: str, params: QuantParams) -> str:
    """Add a conversion to uint8 and back, which limits values to what 8 bits can represent."""
    return dequantize(graph, quantize(graph, values, params), params)


@dataclass(frozen=True, slots=True)
class QuantizedConv:
    """A convolution with quantised weights.

    Attributes:
        weight: Quantised weights.
        bias: Real biases, [filters].
    """

    weight: QuantizedWeight
    bias: Floats


def add_conv(
    graph: GraphBuilder,
    features: str,
    input_params: QuantParams,
    layer: QuantizedConv,
    *,
    shifts: Sequence[str] = (),
    stride: int = 1,
) -> str:
    """Add a convolution in 8 bits. The caller has to quantise the output, so that the operators can be fused.

    Args:
        graph: Graph that is extended.
        features: Dequantised input.
        input_params: Quantisation parameters of the input.
        layer: The convolution.
        shifts: Values that are added to the output channels, float32 [filters] each.
        stride: 1 for a convolution that keeps the size; the kernel size for patches that do not overlap.
    """
    values, scales = layer.weight.values, layer.weight.scales
    # If the zero points of the weights are 0, ONNX Runtime before 1.30 chooses a kernel that ignores a bias which is
    # not constant. A zero point of -1 avoids that kernel; the values are moved accordingly.
    zero_point = -1 if shifts else 0
    weight = graph.op(
        "DequantizeLinear",
        graph.constant(values + zero_point, np.int8),
        graph.float_tensor(scales),
        graph.constant(np.full(len(scales), zero_point), np.int8),
        axis=0,
    )
    kernel = values.shape[2]
    return graph.op(
        "Conv",
        features,
        weight,
        _bias(graph, layer.bias, scales * np.float32(input_params.scale), shifts),
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[kernel // 2 if stride == 1 and kernel > 1 else 0] * 4,
    )


def add_scaled_conv(
    graph: GraphBuilder,
    features: str,
    input_params: QuantParams,
    layer: QuantizedConv,
    factors: str,
    *,
    output_params: QuantParams,
    summands: str | None = None,
    stride: int = 1,
) -> str:
    """Add a convolution in 8 bits whose output channels are multiplied by factors, and shifted afterwards.

    The factors become part of the scales of the weights, and cost no time. ONNX Runtime fuses the QDQ format only if
    scales are constant, so this is QLinearConv itself. Summands become part of the bias, which then is not constant; a
    convolution between many channels takes half as long again by that.

    Args:
        graph: Graph that is extended.
        features: Quantised input, uint8.
        input_params: Quantisation parameters of the input.
        layer: The convolution.
        factors: Factors of the output channels, float32 [1, filters, 1, 1].
        output_params: Quantisation parameters of the output. With a zero point of 0 negative values become 0, as
            by ReLU.
        summands: What is added to the output channels afterwards, float32 [1, filters, 1, 1]; None for nothing.
        stride: See `add_conv`.

    Returns:
        The quantised output, uint8.
    """
    steps = layer.weight.scales * np.float32(input_params.scale)
    vector = graph.int64_vector(-1)
    factors = graph.op("Reshape", factors, vector)
    if summands is None:
        bias = graph.constant(np.rint(layer.bias / steps), np.int32)
    else:
        is_tiny = graph.op("Less", graph.op("Abs", factors), graph.scalar(_SMALLEST_FACTOR))
        factors = graph.op("Where", is_tiny, graph.scalar(_SMALLEST_FACTOR), factors)
        shifts = graph.op("Div", graph.op("Reshape", summands, vector), factors)
        total = graph.op("Add", shifts, graph.float_tensor(layer.bias))
        rounded = graph.op("Round", graph.op("Div", total, graph.float_tensor(steps)))
        limit = graph.scalar(-_LARGEST_BIAS), graph.scalar(_LARGEST_BIAS)
        bias = graph.cast(graph.op("Clip", rounded, *limit), np.int32)
    weight, zero_points = _weight_constants(graph, layer.weight, has_constant_bias=summands is None)
    kernel = layer.weight.values.shape[2]
    return graph.op(
        "QLinearConv",
        features,
        graph.scalar(input_params.scale),
        graph.constant(input_params.zero_point, np.uint8),
        weight,
        graph.op("Mul", factors, graph.float_tensor(layer.weight.scales)),
        zero_points,
        graph.scalar(output_params.scale),
        graph.constant(output_params.zero_point, np.uint8),
        bias,
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[kernel // 2 if stride == 1 and kernel > 1 else 0] * 4,
    )


def dequantized_weight(graph: GraphBuilder, weight: QuantizedWeight, *, has_constant_bias: bool) -> str:
    """Return the weight of an `add_scaled_conv` as float32, [filters, channels, height, width].

    It takes no space in the file, because the constants are those of the convolution.
    """
    values, zero_points = _weight_constants(graph, weight, has_constant_bias=has_constant_bias)
    return graph.op("DequantizeLinear", values, graph.float_tensor(weight.scales), zero_points, axis=0)


def _weight_constants(graph: GraphBuilder, weight: QuantizedWeight, *, has_constant_bias: bool) -> tuple[str, str]:
    """Add a weight and its zero points, which are -1 beside a computed bias, for the same reason as in `add_conv`."""
    zero_point = 0 if has_constant_bias else -1
    zero_points = graph.constant(np.full(len(weight.scales), zero_point), np.int8)
    return graph.constant(weight.values + zero_point, np.int8), zero_points


def _bias(graph: GraphBuilder, bias: Floats, scales: Floats, shifts: Sequence[str]) -> str:
    """Add a bias that is quantised to int32, as 8-bit convolutions need it.

    Args:
        graph: Graph that is extended.
        bias: Real biases, [filters].
        scales: Scales of the convolution's 32-bit sums: scale of the weights times scale of the input, [filters].
        shifts: Values to add to the bias. With them the bias is not constant, and is quantised when the filter runs.
    """
    zero_points, scale_tensor = graph.constant(np.zeros(len(scales)), np.int32), graph.float_tensor(scales)
    if not shifts:
        quantized = graph.constant(np.rint(bias / scales), np.int32)
        return graph.op("DequantizeLinear", quantized, scale_tensor, zero_points, axis=0)
    total = graph.float_tensor(bias)
    for shift in shifts:
        total = graph.op("Add", shift, total)
    quantized = graph.cast(graph.op("Round", graph.op("Div", total, scale_tensor)), np.int32)
    return graph.op("DequantizeLinear", quantized, scale_tensor, zero_points, axis=0)
