"""Lower the opset of a traced graph, so that older runtimes can load it.

torch's exporter writes opset 18 at least, but the networks need nothing that opset 17 lacks.
"""

from __future__ import annotations

import onnx
from onnx import helper, numpy_helper

from pix2style.export.graph_builder import OPSET

# Attributes that opset 18 introduced, with the values that mean what opset 17 does. `num_outputs` of Split, whose
# number of outputs opset 17 counts, may have any value: it divides equally, which the verification of the file proves.
_NEW_ATTRIBUTES: dict[str, dict[str, object]] = {
    "Pad": {},
    "ReduceMean": {"noop_with_empty_axes": 0},
    "Resize": {"antialias": 0, "keep_aspect_ratio_policy": b"stretch"},
    "Split": {"num_outputs": None},
}
# The number of inputs that opset 17 has; opset 18 added an input for axes.
_MAX_INPUTS = {"Pad": 3, "ReduceMean": 1, "Resize": 4, "Split": 2}


def lower_opset(model: onnx.ModelProto) -> bool:
    """Change a graph of opset 18 into one of opset 17 that computes the same, in place.

    Returns:
        Whether that was possible; if not, the graph is unchanged.
    """
    changed = [node for node in model.graph.node if _differs(node.op_type)]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    if not all(_can_lower(node, constants) for node in changed):
        return False
    for node in changed:
        kept = [attribute for attribute in node.attribute if attribute.name not in _NEW_ATTRIBUTES[node.op_type]]
        del node.attribute[:]
        node.attribute.extend(kept)
        if _has_constant_axes(node, constants):
            axes = numpy_helper.to_array(constants[node.input[1]]).tolist()
            node.attribute.append(helper.make_attribute("axes", axes))
            del node.input[1:]
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    return True


def _differs(kind: str) -> bool:
    """Return whether an operator is new or another one in opset 18."""
    return int(onnx.defs.get_schema(kind, OPSET + 1).since_version) > OPSET


def _has_constant_axes(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    """Return whether the axes of a reduction are a constant input, which opset 17 takes as an attribute."""
    return node.op_type == "ReduceMean" and len(node.input) == 2 and node.input[1] in constants


def _can_lower(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    if node.op_type not in _NEW_ATTRIBUTES:
        return False
    if len(node.input) > _MAX_INPUTS[node.op_type] and not _has_constant_axes(node, constants):
        return False
    new = _NEW_ATTRIBUTES[node.op_type]
    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    known = onnx.defs.get_schema(node.op_type, OPSET).attributes
    return all(name in known or (name in new and new[name] in (None, value)) for name, value in values.items())
