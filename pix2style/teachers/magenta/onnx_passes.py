"""ONNX graphs as tf2onnx writes them, made faster and the same from run to run. No TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_UNCHANGED: tuple[int, ...] = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class _Normalisation:
    """Where a graph computes (x - mean) / sqrt(variance + epsilon) * scale + shift.

    Attributes:
        last: the node that adds the shift.
        x: tensor [batch, channels, height, width].
        scale: tensor with one number a channel.
        shift: tensor with one number a channel.
        epsilon: small number.
        order: the result's axes, as axes of x.
    """

    last: Any
    x: str
    scale: str
    shift: str
    epsilon: float
    order: tuple[int, ...]


class _Graph:
    """Looks backwards from tensors to the nodes that make them."""

    def __init__(self, graph: Any) -> None:
        self._maker = {name: node for node in graph.node for name in node.output}
        self._constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}

    def normalisation(self, last: Any) -> _Normalisation | None:
        """The normalisation that ends in the node `last`, if one does."""
        if last.op_type != "Add":
            return None
        for product, shift in _both_ways(last):
            scaled, order = self._behind(product, "Mul")
            for given, scale in _both_ways(scaled):
                whitened, inner = self._behind(given, "Mul")
                for difference, inverse in _both_ways(whitened):
                    less, innermost = self._behind(difference, "Sub")
                    epsilon = None if less is None else self._epsilon(less, inverse)
                    if epsilon is not None:
                        axes = _follow(innermost, _follow(inner, order))
                        sources = self._source(scale), self._source(shift)
                        return _Normalisation(last, less.input[0], *sources, epsilon, axes)
        return None

    def _epsilon(self, less: Any, inverse: str) -> float | None:
        """Of 1 / sqrt(mean((x - mean)^2) + epsilon), if `less` is x - mean and `inverse` all this."""
        mean = self._statistic(less.input[1], "ReduceMean")
        total = self._chain(inverse, "Reciprocal", "Sqrt", "Add")
        if mean is None or total is None or mean.input[0] != less.input[0]:
            return None
        for variance, epsilon in _both_ways(total):
            average = self._statistic(variance, "ReduceMean")
            square = None if average is None else self._maker.get(average.input[0])
            if square is None or square.op_type != "Mul" or list(square.input) != [less.output[0]] * 2:
                continue
            if epsilon in self._constants and self._constants[epsilon].size == 1:
                return float(self._constants[epsilon].item())
        return None

    def _chain(self, tensor: str, *kinds: str) -> Any:
        node = None
        for kind in kinds:
            node = self._statistic(tensor, kind)
            if node is None:
                return None
            tensor = node.input[0]
        return node

    def _source(self, tensor: str) -> str:
        """The tensor of one number a channel from which `tensor` is only another shape."""
        while (node := self._maker.get(tensor)) is not None and node.op_type in ("Transpose", "Reshape"):
            tensor = node.input[0]
        return tensor

    def _statistic(self, tensor: str, kind: str) -> Any:
        """The node of a kind that makes one number a channel; means: over height and width."""
        node = self._maker.get(self._source(tensor))
        if node is None or node.op_type != kind:
            return None
        if kind == "ReduceMean" and self._constants.get(node.input[1], np.zeros(0)).tolist() != [2, 3]:
            return None
        return node

    def _behind(self, tensor: str, kind: str) -> tuple[Any, tuple[int, ...]]:
        """The node of a kind that makes a picture, behind transpositions; the tensor's axes as axes of its result."""
        node = self._maker.get(tensor)
        order = _UNCHANGED
        while node is not None and node.op_type == "Transpose":
            order = _follow(tuple(node.attribute[0].ints), order)
            node = self._maker.get(node.input[0])
        return (node, order) if node is not None and node.op_type == kind else (None, order)


def fuse_normalisations(graph: Any) -> int:
    """Replace normalisations of six passes over the picture by ONNX's own of one node, in place.

    For one style at a time: scale and shift must be of batch 1.

    Returns:
        How many were found.
    """
    looked_at = _Graph(graph)
    found = [one for one in map(looked_at.normalisation, graph.node) if one is not None]
    graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "flat_shape"))
    for i, one in enumerate(found):
        place = list(graph.node).index(one.last)
        graph.node.remove(one.last)
        for node in reversed(list(_fused(one, f"normalisation_{i}"))):
            graph.node.insert(place, node)
    return len(found)


def _fused(one: _Normalisation, name: str) -> Iterator[Any]:
    scale, shift, result = f"{name}_scale", f"{name}_shift", one.last.output[0]
    out = result if one.order == _UNCHANGED else f"{name}_out"
    yield helper.make_node("Reshape", [one.scale, "flat_shape"], [scale])
    yield helper.make_node("Reshape", [one.shift, "flat_shape"], [shift])
    yield helper.make_node("InstanceNormalization", [one.x, scale, shift], [out], epsilon=one.epsilon)
    if out != result:
        yield helper.make_node("Transpose", [out], [result], perm=one.order)


def modernise_resizes(graph: Any) -> None:
    """Replace a mode that ONNX gave up in opset 13 by the same one's new name, in place.

    Nearest neighbours at floor((x + 0.5) / scale), TensorFlow's half pixel centres: rounding (x + 0.5) / scale - 0.5
    with halves upwards is the same (https://onnx.ai/onnx/operators/onnx__Resize.html).
    """
    new = {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"}
    for node in graph.node:
        if any(one.s == b"tf_half_pixel_for_nn" for one in node.attribute):
            kept = [one for one in node.attribute if one.name not in new]
            del node.attribute[:]
            node.attribute.extend([*kept, *(helper.make_attribute(name, value) for name, value in new.items())])


def canonical(model: Any, inputs: Mapping[str, tuple[str | int, ...]], output: str) -> Any:
    """Without what nothing needs and without tf2onnx's names, which differ from run to run.

    Args:
        model: its graph has `inputs` in this order, and one output.
        inputs: names and sizes.
        output: the output's name.

    Returns:
        A new model, checked.
    """
    graph = model.graph
    names = {one.name: name for one, name in zip(graph.input, inputs, strict=True)} | {graph.output[0].name: output}
    nodes = _needed(graph)
    for node in nodes:
        for one in (*node.input, *node.output):
            if one:
                names.setdefault(one, f"t{len(names)}")
    fresh = [_renamed(node, names) for node in nodes]
    constants = [_constant(one, names[one.name]) for one in graph.initializer if one.name in names]
    made = helper.make_graph(
        fresh,
        "magenta",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, [None] * 4)],
        sorted(constants, key=lambda one: int(one.name[1:])),
    )
    result = helper.make_model(made, opset_imports=list(model.opset_import), producer_name="pix2style")
    result.ir_version = model.ir_version
    onnx.checker.check_model(result)
    return result


def _needed(graph: Any) -> list[Any]:
    """The nodes that the output depends on, inputs before readers, in an order that follows from the graph alone."""
    maker = {name: node for node in graph.node for name in node.output}
    order: list[Any] = []
    seen: set[str] = set()
    waiting: list[tuple[str, bool]] = [(graph.output[0].name, False)]
    while waiting:
        tensor, inputs_done = waiting.pop()
        if inputs_done:
            order.append(maker[tensor])
        elif tensor in maker and maker[tensor].output[0] not in seen:
            seen.add(maker[tensor].output[0])
            waiting.append((tensor, True))
            waiting.extend((one, False) for one in reversed(maker[tensor].input))
    return order


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    fresh = helper.make_node(
        node.op_type,
        [names.get(one, "") for one in node.input],
        [names.get(one, "") for one in node.output],
        domain=node.domain,
    )
    fresh.attribute.extend(sorted(node.attribute, key=lambda one: str(one.name)))
    return fresh


def _constant(one: Any, name: str) -> Any:
    return numpy_helper.from_array(numpy_helper.to_array(one), name)


def _both_ways(node: Any) -> Iterator[tuple[str, str]]:
    if node is not None and len(node.input) == 2:
        yield node.input[0], node.input[1]
        yield node.input[1], node.input[0]


def _follow(permutation: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    """Axes through a transposition."""
    return tuple(permutation[i] for i in order) if len(permutation) == len(order) else order
