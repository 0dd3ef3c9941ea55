"""Passes over the wheel's ONNX graphs: free image sizes, float activations and fused normalisations.

Each pass changes a graph in place and does one thing, so that the graph can be run and compared after any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper


def free_sizes(graph: Any, inputs: dict[str, tuple[str | int, ...]]) -> None:
    """Declare other shapes of the inputs, and let the batch be free inside the graph.

    The operators themselves take any height and width. Only the declared shapes fix them.

    Args:
        graph: Graph to change.
        inputs: New shape of each input, in the graph's order; a text names a free side.
    """
    for tensor, shape in zip(graph.input, inputs.values(), strict=True):
        tensor.CopyFrom(helper.make_tensor_value_info(tensor.name, tensor.type.tensor_type.elem_type, shape))
    for tensor in graph.output:
        tensor.type.tensor_type.ClearField("shape")
    del graph.value_info[:]
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}

    def keep_batch(shape: NDArray[Any]) -> NDArray[Any]:
        return np.array([0, *shape[1:]], shape.dtype)  # 0 keeps the side that the input has

    _change_constants(graph, shapes, keep_batch)


def drop_activation_quantization(graph: Any) -> None:
    """Remove the rounding of activations to 8 bits. Weights stay as they are.

    The network then computes in float32, which gives smoother images: 8 bits leave speckle.
    """
    constants = {tensor.name for tensor in graph.initializer}

    def rounds(node: Any) -> bool:
        is_activation = node.op_type == "DequantizeLinear" and node.input[0] not in constants
        return node.op_type == "QuantizeLinear" or is_activation

    _bypass(graph, rounds)


def unpack_weights(graph: Any) -> None:
    """Replace weights in 8 bits, with the nodes that scale them, by the same weights as float32.

    ONNX Runtime chooses its fastest convolutions only for weights that are constants of the graph.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in constants]:
        quantized, scale, zero_point = (constants[name] for name in node.input)
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        sides = [-1 if number == axis else 1 for number in range(quantized.ndim)] if scale.ndim else []
        steps = quantized.astype(np.int32) - zero_point.astype(np.int32).reshape(sides)
        weights = steps.astype(np.float32) * scale.reshape(sides)
        graph.initializer.append(numpy_helper.from_array(weights, node.output[0]))
        graph.node.remove(node)


def drop_unit_resizes(graph: Any) -> None:
    """Remove nodes that resize by a factor of 1."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    _bypass(graph, lambda node: node.op_type == "Resize" and bool((constants[node.input[2]] == 1).all()))


@dataclass(frozen=True, slots=True)
class _StyleNorm:
    """The place where a graph computes x * gain + (shift - mean * gain), with gain = scale / sqrt(variance + epsilon).

    Attributes:
        last: Node that computes the sum.
        x: Name of the input tensor, [batch, channels, height, width].
        scale: Name of the tensor with one scale per channel.
        shift: Name of the tensor with one shift per channel.
        epsilon: Number that is added to the variance.
    """

    last: Any
    x: str
    scale: str
    shift: str
    epsilon: float


def fuse_style_norms(graph: Any) -> int:
    """Replace normalisations of a dozen nodes by ONNX's InstanceNormalization, which passes over the image twice.

    It takes scale and shift as vectors without a batch, so a call of the network can have one style only.

    Returns:
        Number of normalisations that were replaced.
    """
    producers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    norms = [norm for norm in (_match_norm(node, producers, constants) for node in graph.node) if norm is not None]
    graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "flat_shape"))
    for number, norm in enumerate(norms):
        position = list(graph.node).index(norm.last)
        scale, shift = f"norm_{number}_scale", f"norm_{number}_shift"
        fused = [
            helper.make_node("Reshape", [norm.scale, "flat_shape"], [scale]),
            helper.make_node("Reshape", [norm.shift, "flat_shape"], [shift]),
            helper.make_node(
                "InstanceNormalization", [norm.x, scale, shift], list(norm.last.output), epsilon=norm.epsilon
            ),
        ]
        graph.node.remove(norm.last)
        for node in reversed(fused):
            graph.node.insert(position, node)
    return len(norms)


def _match_norm(last: Any, producers: dict[str, Any], constants: dict[str, NDArray[Any]]) -> _StyleNorm | None:
    """Return the normalisation that ends in the node `last`, or None if none does.

    The operands of each node have one order, which the digest of the wheel's file guarantees.
    """

    def operands(tensor: str, op_type: str) -> list[str]:
        node = _producer(tensor, producers)
        return list(node.input) if node is not None and node.op_type == op_type else []

    if last.op_type != "Add" or not (product := operands(last.input[0], "Mul")):
        return None
    if not (difference := operands(last.input[1], "Sub")):
        return None
    (x, gain), (shift, mean_gain) = product, difference
    inverse, scale = operands(gain, "Mul")
    [root] = operands(inverse, "Reciprocal")
    [total] = operands(root, "Sqrt")
    variance, epsilon = operands(total, "Add")
    [square] = operands(variance, "GlobalAveragePool")
    deviation, _ = operands(square, "Mul")
    means = (operands(deviation, "Sub")[1], operands(mean_gain, "Mul")[0])
    if any(operands(mean, "GlobalAveragePool") != [x] for mean in means):
        return None
    return _StyleNorm(last, x, scale, shift, float(constants[epsilon].item()))


def _producer(tensor: str, producers: dict[str, Any]) -> Any:
    """Return the node that computes a tensor, looking through Reshape: [batch, channels, 1, 1] keeps its shape."""
    node = producers.get(tensor)
    while node is not None and node.op_type == "Reshape":
        node = producers.get(node.input[0])
    return node


def _bypass(graph: Any, is_bypassed: Callable[[Any], bool]) -> None:
    """Remove nodes, and let those that read their outputs read their first inputs instead."""
    sources = {node.output[0]: node.input[0] for node in graph.node if is_bypassed(node)}

    def source(tensor: str) -> str:
        while tensor in sources:
            tensor = sources[tensor]
        return tensor

    kept = [node for node in graph.node if node.output[0] not in sources]
    for node in kept:
        for position, tensor in enumerate(node.input):
            node.input[position] = source(tensor)
    for output in graph.output:
        output.name = source(output.name)
    del graph.node[:]
    graph.node.extend(kept)


def _change_constants(graph: Any, names: set[str], change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    for tensor in graph.initializer:
        if tensor.name in names:
            tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), tensor.name))
