"""Filters that need neither torch nor time: a few nodes of ONNX with the metadata of exported files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pix2style.export.metadata import serialize_with_digest, write_metadata, write_proof
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, GeneratorSpec, Provenance

SPEC = GeneratorSpec(
    name="negative",
    architecture="negative",
    parameters=0,
    size_multiple=4,
    receptive_field_px=0,
    global_context=False,
    trained_at_px=64,
    licence="CC0-1.0",
    pix2style_version="0.1.0",
    provenance=Provenance("1" * 64, "watercolor", "2" * 64, ("3" * 64,), "4" * 64, 5, 6),
)


def negative_graph(size: tuple[int | str, int | str] = ("height", "width")) -> onnx.ModelProto:
    """The graph of a filter that turns every byte into its negative."""
    return _model([helper.make_node("BitwiseNot", [INPUT_NAME], [OUTPUT_NAME])], [], size)


def int8_graph(weight: int = 100) -> onnx.ModelProto:
    """The graph of a filter that smooths every channel in 8 bits."""
    weights = np.full((3, 1, 3, 3), weight // 9, np.int8)
    constants = {
        "scale": np.float32(1),
        "zero": np.uint8(0),
        "weights": weights,
        "weight_scale": np.float32(0.01),
        "weight_zero": np.int8(0),
    }
    nodes = [
        helper.make_node("Cast", [INPUT_NAME], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("QuantizeLinear", ["channels", "scale", "zero"], ["x8"]),
        helper.make_node("DequantizeLinear", ["x8", "scale", "zero"], ["x"]),
        helper.make_node("DequantizeLinear", ["weights", "weight_scale", "weight_zero"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["y"], group=3, pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["y", "scale", "zero"], ["y8"]),
        helper.make_node("Transpose", ["y8"], [OUTPUT_NAME], perm=[0, 2, 3, 1]),
    ]
    return _model(nodes, [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])


def write_filter(path: Path, graph: onnx.ModelProto | None = None, *, has_proof: bool = True, **fields: Any) -> Path:
    """Write a filter file; keywords are fields of its description."""
    graph = graph or negative_graph()
    write_metadata(graph, dataclasses.replace(SPEC, **fields))
    if has_proof:
        write_proof(graph)
    path.write_bytes(serialize_with_digest(graph))
    return path


def _model(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    size: tuple[int | str, int | str] = ("height", "width"),
) -> onnx.ModelProto:
    shape = [1, *size, 3]
    photo, stylized = (
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape) for name in (INPUT_NAME, OUTPUT_NAME)
    )
    graph = helper.make_graph(nodes, "filter", [photo], [stylized], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
