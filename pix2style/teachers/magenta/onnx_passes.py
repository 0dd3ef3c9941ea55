"""Passes over an ONNX graph as tf2onnx builds it: fused normalisations and current attributes. No TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
_HEIGHT_AND_WIDTH = [1, 2]  # axes of TensorFlow's layout, [batch, height, width, channels]


@dataclass(frozen=True, slots=True)
class _InstanceNorm:
    """The place where a graph computes (x - mean) / sqrt(variance + epsilon) * scale + shift.

    Attributes:
        last: Node that adds the shift.
        x: Name of the input tensor, [batch, height, width, channels].
        scale: Name of the tensor with one scale per channel.
        shift: Name of the tensor with one shift per channel.
        epsilon: Number that is added to the variance.
    """

    last: Any
    x: str
    scale: str
    shift: str
    epsilon: float


class _PatternMatcher:
    """Find instance normalisations in a graph, by walking backwards from a tensor to the node that computes it."""

    def __init__(self, graph: Any) -> None:
        self._producers = {name: node for node in graph.node for name in node.output}
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def match(self, last: Any) -> _InstanceNorm | None:
        """Return the instance normalisation that ends in the node `last`, or None if none does."""
        if last.op_type != "Add":
            return None
        # Addition and multiplication commute, and TensorFlow's optimiser chooses either order: try both.
        for scaled, shift in _operands(last):
            for normalized, scale in _operands(self._producer(scaled, "Mul")):
                for centred, inverse_deviation in _operands(self._producer(normalized, "Mul")):
                    subtraction = self._producer(centred, "Sub")
                    epsilon = None if subtraction is None else self._epsilon(subtraction, inverse_deviation)
                    if epsilon is not None:
                        return _InstanceNorm(last, subtraction.input[0], scale, shift, epsilon)
        return None

    def _epsilon(self, subtraction: Any, inverse_deviation: str) -> float | None:
        """Return epsilon if `inverse_deviation` is 1 / sqrt(mean((x - mean)^2) + epsilon) of `subtraction`, x - mean.

        TensorFlow subtracts the mean once for the variance and once for the result, so two nodes may compute x - mean.
        """
        x, mean = subtraction.input
        root = self._producer(inverse_deviation, "Reciprocal")
        total = root and self._producer(root.input[0], "Sqrt")
        addition = total and self._producer(total.input[0], "Add")
        for variance, epsilon in _operands(addition):
            squares = self._spatial_mean(variance)
            square = None if squares is None else self._producer(squares, "Mul")
            if square is None or square.input[0] != square.input[1]:
                continue
            difference = self._producer(square.input[0], "Sub")
            is_variance = difference is not None and difference.input[0] == x
            if is_variance and self._spatial_mean(mean) == x == self._spatial_mean(difference.input[1]):
                value = self._constants.get(epsilon)
                return float(value.item()) if value is not None and value.size == 1 else None
        return None

    def _spatial_mean(self, tensor: str) -> str | None:
        """Return the tensor of which `tensor` is the mean over height and width; None if it is no such mean."""
        node = self._producer(tensor, "ReduceMean")
        if node is None:
            return None
        cast = self._producer(node.input[1], "Cast")
        axes = self._constants.get(cast.input[0] if cast is not None else node.input[1])
        return str(node.input[0]) if axes is not None and axes.tolist() == _HEIGHT_AND_WIDTH else None

    def _producer(self, tensor: str, op_type: str) -> Any:
        """Return the node that computes a tensor if it is of this type, looking through Identity nodes; else None."""
        node = self._producers.get(tensor)
        while node is not None and node.op_type == "Identity":
            node = self._producers.get(node.input[0])
        return node if node is not None and node.op_type == op_type else None


def fuse_instance_norms(graph: Any) -> int:
    """Replace instance normalisations of a dozen nodes by ONNX's own of one node, in place.

    The dozen nodes pass over the image six times, and InstanceNormalization twice. It takes scale and shift as vectors
    without a batch, so a call of the network can have one style only.

    Returns:
        Number of instance normalisations that were replaced.
    """
    matcher = _PatternMatcher(graph)
    matches = [match for match in map(matcher.match, graph.node) if match is not None]
    graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "flat_shape"))
    for number, match in enumerate(matches):
        position = list(graph.node).index(match.last)
        graph.node.remove(match.last)
        for node in reversed(_fused_nodes(match, f"instance_norm_{number}")):
            graph.node.insert(position, node)
    return len(matches)


def _fused_nodes(match: _InstanceNorm, name: str) -> list[Any]:
    # ONNX normalises [batch, channels, height, width]. ONNX Runtime removes transpositions that cancel.
    x, scale, shift, y = (f"{name}_{suffix}" for suffix in ("x", "scale", "shift", "y"))
    return [
        helper.make_node("Reshape", [match.scale, "flat_shape"], [scale]),
        helper.make_node("Reshape", [match.shift, "flat_shape"], [shift]),
        helper.make_node("Transpose", [match.x], [x], perm=_TO_NCHW),
        helper.make_node("InstanceNormalization", [x, scale, shift], [y], epsilon=match.epsilon),
        helper.make_node("Transpose", [y], [match.last.output[0]], perm=_TO_NHWC),
    ]


def replace_deprecated_resize_mode(graph: Any) -> None:
    """Replace a mode of Resize that ONNX removed in opset 13 by attributes with the same meaning, in place.

    TensorFlow's nearest neighbours with half pixel centres take the source pixel floor((x + 0.5) / scale). Rounding
    (x + 0.5) / scale - 0.5 with halves upwards gives the same (https://onnx.ai/onnx/operators/onnx__Resize.html).
    """
    replacements = {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"}
    for node in graph.node:
        if any(attribute.s == b"tf_half_pixel_for_nn" for attribute in node.attribute):
            unchanged = [attribute for attribute in node.attribute if attribute.name not in replacements]
            del node.attribute[:]
            node.attribute.extend(unchanged)
            node.attribute.extend(helper.make_attribute(name, value) for name, value in replacements.items())


def _operands(node: Any) -> Iterator[tuple[str, str]]:
    """Yield the two inputs of a node in both orders; nothing for None or a node with another number of inputs."""
    if node is not None and len(node.input) == 2:
        yield node.input[0], node.input[1]
        yield node.input[1], node.input[0]
