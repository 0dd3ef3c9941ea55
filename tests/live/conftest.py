"""A filter that is made in milliseconds, without torch."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("av")


@pytest.fixture(scope="session")
def negative_filter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filter file that negates photos."""
    from onnx import TensorProto, checker, helper, save

    from pix2style.spec import SPEC_KEY, GeneratorSpec, Provenance

    shape = ["batch", "height", "width", 3]
    graph = helper.make_graph(
        [helper.make_node("BitwiseNot", ["photo"], ["stylized"])],
        "negative",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("stylized", TensorProto.UINT8, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    spec = GeneratorSpec(
        name="negative",
        architecture="lite",
        parameters=0,
        size_multiple=1,
        receptive_field_px=0,
        global_context=False,
        trained_at_px=64,
        licence="CC0-1.0",
        pix2style_version="0.1.0",
        provenance=Provenance("1" * 64, "watercolor", "2" * 64, ("3" * 64,), "4" * 64, 5, 6),
    )
    helper.set_model_props(model, {SPEC_KEY: spec.to_json()})
    checker.check_model(model)
    path = tmp_path_factory.mktemp("filter") / "negative.onnx"
    save(model, path)
    return path
