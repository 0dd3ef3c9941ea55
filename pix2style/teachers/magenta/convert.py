"""Convert Magenta's network from TensorFlow to ONNX, once, so that making pairs needs no TensorFlow afterwards."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pix2style.errors import ArtifactError, require
from pix2style.files import write_bytes
from pix2style.teachers.magenta.backend import open_saved_model
from pix2style.teachers.magenta.cache import LocatedNetwork, converted_folder, new_folder, writing_to
from pix2style.teachers.magenta.network import STYLE_SIDE_PX, Floats, MagentaNetwork, one_line_message
from pix2style.teachers.magenta.onnx_canonical import canonicalize
from pix2style.teachers.magenta.onnx_network import OnnxNetwork
from pix2style.teachers.magenta.onnx_passes import fuse_instance_norms, replace_deprecated_resize_mode
from pix2style.teachers.magenta.records import STYLE_FILE, TRANSFORMER_FILE, ConversionRecord, FileRecord
from pix2style.teachers.magenta.tensorflow_network import import_tensorflow, quiet_stderr
from pix2style.version import __version__

# Stands in teacher.json. Raise it whenever the same network would be converted to other bytes.
CONVERTER_VERSION = "2"
_OPSET = 18
# Largest difference between the backends' outputs in [0, 1], a twentieth of one of 256 levels. TensorFlow and ONNX
# Runtime add up in different orders, so the outputs are not equal.
_TOLERANCE = 2e-4
_PACKAGES = ("tensorflow", "tf2onnx", "onnx")
_Shape = tuple[str | int, ...]


def convert(located: LocatedNetwork, out: Path | None = None) -> Path:
    """Write the two halves of the network as ONNX files, with their record teacher.json.

    Args:
        located: Network to convert, a SavedModel.
        out: New folder; None for the lasting cache, where a conversion of the same network stays as it is.

    Returns:
        The folder.

    Raises:
        ArtifactError: If the network is not a SavedModel of Magenta's, `out` exists, or ONNX Runtime's output differs
            from TensorFlow's.
        MissingExtraError: If TensorFlow or tf2onnx is not installed.
    """
    place = out or converted_folder(located.source_sha256)
    if located.label.source_files and out is None:
        return located.folder  # the mobile network, which is converted when it is found
    if located.converted:
        raise ArtifactError(f"{located.folder}: is already converted: give the folder of the SavedModel")
    if place.exists():
        if out is None and ConversionRecord.read(place).source_sha256 == located.source_sha256:
            OnnxNetwork(place)  # compares the files with their digests
            return place
        raise ArtifactError(f"{place}: already exists: give another folder, or delete it")
    tf = _import_converter()
    network: Any = open_saved_model(located)
    paintings: _Shape = ("batch", STYLE_SIDE_PX, STYLE_SIDE_PX, 3)
    photos: _Shape = ("batch", "height", "width", 3)
    vector: _Shape = (1, 1, 1, network.style_length)
    with writing_to(place.parent), new_folder(place) as folder:
        style = _to_onnx(tf, network.predictor, {"painting": paintings}, "vector")
        write_bytes(folder / STYLE_FILE, style)
        transformer = _to_onnx(tf, network.transformer, {"photo": photos, "vector": vector}, "painted")
        write_bytes(folder / TRANSFORMER_FILE, transformer)
        files = {name: FileRecord.of(folder / name) for name in (STYLE_FILE, TRANSFORMER_FILE)}
        versions = {"pix2style": __version__, "converter": CONVERTER_VERSION}
        versions |= {name: version(name) for name in _PACKAGES}
        ConversionRecord(located.source_sha256, network.style_length, files, versions).write(folder)
        _check_equivalence(network, OnnxNetwork(folder, cuda=False), located.folder)
    return place


def _import_converter() -> Any:
    """Import TensorFlow and then tf2onnx.

    tf2onnx imports TensorFlow too, but lets it write to stderr, and does not care for triton (see
    `import_tensorflow`), so TensorFlow has to be there first.
    """
    tf = import_tensorflow()
    with quiet_stderr():
        require("convert", "tf2onnx", "onnx")
    return tf


def _to_onnx(tf: Any, half: Any, inputs: Mapping[str, _Shape], output: str) -> bytes:
    """Convert one half to ONNX, with these names of inputs and output.

    The same network gives the same bytes in every process. `tf2onnx.convert.from_function` would not: its optimisers
    walk through sets of nodes in the order of their addresses in memory (tf2onnx 1.17, graph.py,
    extract_sub_graph_nodes) and remove nodes as they go, so that one of two conversions kept a Transpose that the
    other dropped. Before its optimisers, the graph has the same structure every time (measured in 20 processes with
    20 hash seeds), and `canonicalize` settles names and order. Nothing is lost without the optimisers: ONNX Runtime
    removes the same transpositions when it loads the file, and needs the same time for an output of the same bits.
    """
    specs = [
        tf.TensorSpec([size if isinstance(size, int) else None for size in shape], tf.float32, name=name)
        for name, shape in inputs.items()
    ]

    def call(*tensors: Any) -> Any:
        return half(*tensors)

    try:
        with quiet_stderr():  # TensorFlow's optimiser reports processors that it does not find
            model = _unoptimized_model(tf, tf.function(call).get_concrete_function(*specs))
    except Exception as error:
        raise ArtifactError(f"tf2onnx cannot convert the network: {one_line_message(error)}") from error
    fuse_instance_norms(model.graph)
    replace_deprecated_resize_mode(model.graph)
    data: bytes = canonicalize(model, inputs, output).SerializeToString(deterministic=True)
    return data


def _unoptimized_model(tf: Any, function: Any) -> Any:
    """Return tf2onnx's model of a concrete function, without tf2onnx's optimisers."""
    from tf2onnx import tf_loader, tfonnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    inputs = [tensor.name for tensor in function.inputs]
    outputs = [tensor.name for tensor in function.outputs]
    # On the CPU, as in tf2onnx's own from_function: constants that a GPU folds could be rounded in another way.
    with tf.device("/cpu:0"):
        frozen = tf_loader.from_function(function, inputs, outputs)
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(frozen, name="")
            converted = tfonnx.process_tf_graph(
                graph, opset=_OPSET, custom_op_handlers=_HANDLERS, input_names=inputs, output_names=outputs
            )
    return converted.make_model("magenta")


def _check_equivalence(network: MagentaNetwork, converted: OnnxNetwork, source: Path) -> None:
    """Compare the outputs of both backends for a few random images.

    Raises:
        ArtifactError: If they differ by more than rounding.
    """
    worst = 0.0
    for seed, (height, width) in enumerate(((64, 64), (72, 100), (256, 256))):
        painting, photo = _probe_image(seed, STYLE_SIDE_PX, STYLE_SIDE_PX), _probe_image(seed + 100, height, width)
        vectors = network.predict_style(painting), converted.predict_style(painting)
        outputs = network.transfer_style(photo, vectors[0]), converted.transfer_style(photo, vectors[1])
        differences = (float(np.abs(by_tensorflow - by_onnx).max()) for by_tensorflow, by_onnx in (vectors, outputs))
        worst = max(worst, *differences)
    if not worst <= _TOLERANCE:  # written so that NaN fails too
        raise ArtifactError(
            f"{source}: the converted network's output differs from TensorFlow's by up to {worst:.2g}: the conversion"
            " was not kept; use the tensorflow backend"
        )


def _probe_image(seed: int, height: int, width: int) -> Floats:
    """Return a random image [1, height, width, 3] in [0, 1]: patches of 16 px and noise of single pixels.

    A resize that reads wrong pixels shows in the noise, and one that is shifted shows at the patches' edges.
    """
    rng = np.random.default_rng(seed)
    patches = rng.random((1, -(-height // 16), -(-width // 16), 3), np.float32).repeat(16, 1).repeat(16, 2)
    return (patches[:, :height, :width] + rng.random((1, height, width, 3), np.float32)) / np.float32(2)


def _convert_area_resize(context: Any, node: Any, _name: str, _arguments: Any) -> None:
    """Convert TensorFlow's ResizeArea to two products with constant matrices, one for rows and one for columns.

    A handler for tf2onnx. Its own is wrong: tf2onnx 1.17 (onnx_opset/nn.py) converts ResizeArea to a Resize by nearest
    neighbours, without a warning.
    """
    _, height, width, _ = context.get_shape(node.input[0])
    new_height, new_width = node.inputs[1].get_tensor_value()
    rows = context.make_const(f"{node.name}_rows", _area_weights(height, new_height))
    columns = context.make_const(f"{node.name}_columns", _area_weights(width, new_width))
    source, result = node.input[0], node.output[0]
    shape, dtype = context.get_shape(result), context.get_dtype(result)
    context.remove_node(node.name)
    resized_rows = context.make_node("Einsum", [rows.output[0], source], {"equation": "ih,bhwc->biwc"})
    context.make_node(
        "Einsum",
        [columns.output[0], resized_rows.output[0]],
        {"equation": "jw,biwc->bijc"},
        outputs=[result],
        shapes=[shape],
        dtypes=[dtype],
    )


def _area_weights(size: int, new_size: int) -> Floats:
    """Return the matrix [new_size, size] that resizes a side: the share of each new pixel that each old one covers."""
    edges = np.arange(new_size + 1) * (size / new_size)
    old = np.arange(size)
    overlap = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    weights: Floats = (np.clip(overlap, 0, None) * (new_size / size)).astype(np.float32)
    return weights


_HANDLERS: dict[str, tuple[Any, list[Any]]] = {"ResizeArea": (_convert_area_resize, [])}
