"""Names and an order of nodes for an ONNX graph that follow from its structure alone. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from onnx import helper, numpy_helper


def canonicalize(model: Any, inputs: Mapping[str, tuple[str | int, ...]], output: str) -> Any:
    """Rebuild a model with names and an order of nodes that follow from its structure alone.

    tf2onnx's names contain counters, and its order of nodes is that of a set of objects, so both differ from process
    to process. Here nodes are ordered by a depth-first walk from the output, tensors are named by their place in that
    order, and nodes and constants that the output does not need are left out.

    Args:
        model: Model whose graph has `inputs` in this order, and one output.
        inputs: New names and the shapes of the inputs.
        output: New name of the output.

    Returns:
        A new model that onnx's checker accepts.
    """
    graph = model.graph
    names = {old.name: new for old, new in zip(graph.input, inputs, strict=True)} | {graph.output[0].name: output}
    nodes = _needed_nodes(graph)
    for node in nodes:
        for tensor in (*node.input, *node.output):
            if tensor:  # an empty name is an optional input that is left out
                names.setdefault(tensor, f"t{len(names)}")
    constants = [
        numpy_helper.from_array(numpy_helper.to_array(tensor), names[tensor.name])
        for tensor in graph.initializer
        if tensor.name in names
    ]
    new_graph = helper.make_graph(
        [_renamed(node, names) for node in nodes],
        "magenta",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, [None] * 4)],
        sorted(constants, key=lambda constant: int(constant.name[1:])),
    )
    new_model = helper.make_model(new_graph, opset_imports=list(model.opset_import), producer_name="pix2style")
    new_model.ir_version = model.ir_version
    onnx.checker.check_model(new_model)
    return new_model


def _needed_nodes(graph: Any) -> list[Any]:
    """Return the nodes that the output depends on, each behind those whose outputs it reads.

    A stack and not recursion: the networks are deeper than Python's recursion limit.
    """
    producers = {name: node for node in graph.node for name in node.output}
    order: list[Any] = []
    visited: set[str] = set()
    stack: list[tuple[str, bool]] = [(graph.output[0].name, False)]
    while stack:
        tensor, inputs_done = stack.pop()
        if inputs_done:
            order.append(producers[tensor])
        elif tensor in producers and producers[tensor].output[0] not in visited:
            visited.add(producers[tensor].output[0])
            stack.append((tensor, True))
            stack.extend((name, False) for name in reversed(producers[tensor].input))
    return order


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    inputs, outputs = ([names.get(tensor, "") for tensor in tensors] for tensors in (node.input, node.output))
    renamed = helper.make_node(node.op_type, inputs, outputs, domain=node.domain)
    renamed.attribute.extend(sorted(node.attribute, key=lambda attribute: str(attribute.name)))
    return renamed
