"""Graphs of opset 18 become graphs of opset 17 if nothing in them needs opset 18."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from pix2style.export.lower_opset import lower_opset


def graph_of(kind: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> onnx.ModelProto:
    names = [f"y{number}" for number in range(outputs)]
    node = helper.make_node(kind, inputs, names, **attributes)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    graph = helper.make_graph([node], "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)], values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs", "attributes", "kept"),
    [
        ("Relu", ["x"], 1, {}, set()),
        ("Pad", ["x", "pads"], 1, {"mode": "reflect"}, {"mode"}),
        ("Split", ["x"], 2, {"axis": 1, "num_outputs": 2}, {"axis"}),
        (
            "Resize",
            ["x", "", "s"],
            1,
            {"antialias": 0, "keep_aspect_ratio_policy": "stretch", "mode": "nearest"},
            {"mode"},
        ),
    ],
)
def test_lowered(kind: str, inputs: list[str], outputs: int, attributes: dict[str, Any], kept: set[str]) -> None:
    model = graph_of(kind, inputs, outputs, **attributes)
    assert lower_opset(model)
    assert model.opset_import[0].version == 17
    assert {attribute.name for attribute in model.graph.node[0].attribute} == kept


def test_axes_of_a_mean_become_an_attribute() -> None:
    model = graph_of("ReduceMean", ["x", "axes"], keepdims=0, noop_with_empty_axes=0)
    model.graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]))
    assert lower_opset(model)
    node = model.graph.node[0]
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    assert (list(node.input), attributes) == (["x"], {"keepdims": 0, "axes": [2, 3]})
    assert {attribute.name for attribute in node.attribute} <= set(onnx.defs.get_schema("ReduceMean", 17).attributes)


@pytest.mark.parametrize(
    ("kind", "inputs", "attributes"),
    [
        ("Pad", ["x", "pads", "", "axes"], {}),
        ("Pad", ["x", "pads", "", "axes"], {"mode": "edge"}),
        ("Resize", ["x", "", "s"], {"antialias": 1}),
        ("Resize", ["x", "", "s"], {"axes": [2, 3]}),
        ("Resize", ["x", "", "s"], {"keep_aspect_ratio_policy": "not_larger"}),
        ("ReduceMean", ["x", "axes"], {}),
        ("Mish", ["x"], {}),
    ],
)
def test_graphs_that_need_opset_18_stay_as_they_are(kind: str, inputs: list[str], attributes: dict[str, Any]) -> None:
    model = graph_of(kind, inputs, **attributes)
    before = model.SerializeToString(deterministic=True)
    assert not lower_opset(model)
    assert model.SerializeToString(deterministic=True) == before
