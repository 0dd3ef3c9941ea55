"""Write a filter as a model package of darktable: a zip file with `model.onnx` and `config.json`.

Format: darktable's developer documentation of its AI backend (src/ai/README.md, 2026). A model of the task `denoise`
gets tiles of the developed photo as float32 [1, 3, height, width], sRGB from 0 to 1, and returns the same shape.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from pix2style.errors import ArtifactError
from pix2style.export.graph_session import GraphSession
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.files import write_bytes
from pix2style.onnx_session import open_session
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, GeneratorSpec

PACKAGE_SUFFIX = ".dtmodel"
_INPUT, _OUTPUT = "input", "output"
_LEVELS = "darktable_levels"
_SIZES = ((64, 80), (51, 77))
# Zip files hold times; a fixed one keeps the bytes the same. It is the earliest that the format can hold.
_TIME = (1980, 1, 1, 0, 0, 0)


def write_darktable(data: bytes, spec: GeneratorSpec, out: Path) -> None:
    """Write a filter as a package that darktable imports ("preferences", "AI", "import from file").

    Args:
        data: Content of a filter file of one style.
        spec: Its description.
        out: File to write.

    Raises:
        ArtifactError: The package's graph does not compute what the filter computes.
        DataError: The file cannot be written.
    """
    model = _with_float_images(onnx.load_model_from_string(data))
    _verify(model, data)
    write_bytes(out, _package(model, spec))


def _with_float_images(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph that takes and returns float images, around the filter's graph. Its optional inputs are fixed."""
    inner = model.graph
    before = [
        helper.make_node("Clip", [_INPUT, "darktable_zero", "darktable_one"], ["darktable_clipped"]),
        helper.make_node("Mul", ["darktable_clipped", _LEVELS], ["darktable_scaled"]),
        helper.make_node("Round", ["darktable_scaled"], ["darktable_rounded"]),
        helper.make_node("Cast", ["darktable_rounded"], ["darktable_bytes"], to=TensorProto.UINT8),
        helper.make_node("Transpose", ["darktable_bytes"], [INPUT_NAME], perm=[0, 2, 3, 1]),
    ]
    after = [
        helper.make_node("Transpose", [OUTPUT_NAME], ["darktable_planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["darktable_planes"], ["darktable_floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["darktable_floats", _LEVELS], [_OUTPUT]),
    ]
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        for name, value in (("darktable_zero", 0.0), ("darktable_one", 1.0), (_LEVELS, 255.0))
    ]
    shape = [1, 3, "height", "width"]
    graph = helper.make_graph(
        [*before, *inner.node, *after],
        inner.name,
        [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, shape)],
        [*inner.initializer, *constants],
    )
    wrapped = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    onnx.checker.check_model(wrapped, full_check=True)
    return wrapped


def _verify(model: onnx.ModelProto, data: bytes) -> None:
    """Compare the graph with the filter.

    Raises:
        ArtifactError: An output differs.
    """
    session, expected = open_session(model.SerializeToString(deterministic=True)), GraphSession(data)
    for height, width in _SIZES:
        photo = synthetic_photo(height, width)
        planes = np.float32(photo.transpose(2, 0, 1)[None]) / np.float32(255)
        [output] = session.run([_OUTPUT], {_INPUT: planes})
        levels = np.rint(output[0].transpose(1, 2, 0) * 255).astype(np.uint8)
        if not np.array_equal(levels, expected.stylize([photo])[0]):
            raise ArtifactError("the package was not written: its graph differs from the filter: please report this")


def _package(model: onnx.ModelProto, spec: GeneratorSpec) -> bytes:
    folder = f"denoise-pix2style-{_identifier(spec.name)}"
    config = {
        "id": folder,
        "name": f"{spec.name} (pix2style)",
        "description": f"Turns photos into the style {spec.name}; licence: {spec.licence or 'not stated'}",
        "task": "denoise",
        "backend": "onnx",
        "num_inputs": 1,
        "version": "1.0",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in (
            ("config.json", json.dumps(config, indent=2).encode()),
            ("model.onnx", model.SerializeToString(deterministic=True)),
        ):
            package.writestr(zipfile.ZipInfo(f"{folder}/{name}", _TIME), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _identifier(name: str) -> str:
    """Return a name in lower case with hyphens, as darktable's identifiers are written."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "filter"
