"""Magenta's network to ONNX, once: afterwards making pairs needs no TensorFlow."""

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
from pix2style.teachers.magenta.cache import LocatedNetwork, converted_folder, new_folder
from pix2style.teachers.magenta.network import STYLE_SIDE_PX, Floats, MagentaNetwork, reason
from pix2style.teachers.magenta.onnx_network import OnnxNetwork
from pix2style.teachers.magenta.onnx_passes import canonical, fuse_normalisations, modernise_resizes
from pix2style.teachers.magenta.records import STYLE_FILE, TRANSFORMER_FILE, Conversion, FileRecord
from pix2style.teachers.magenta.repeatable import repeatable
from pix2style.version import __version__

_OPSET = 18
# Of values in [0, 1]: a twentieth of a level. TensorFlow and ONNX Runtime sum in other orders.
_TOLERANCE = 2e-4
_PACKAGES = ("tensorflow", "tf2onnx", "onnx")
_Shape = tuple[str | int, ...]


def convert(located: LocatedNetwork, out: Path | None = None) -> Path:
    """Write both halves as ONNX files, any size in, with their record.

    Args:
        located: a SavedModel.
        out: a new folder; None: the lasting cache. One that is in the cache already stays.

    Returns:
        The folder.

    Raises:
        ArtifactError: it is no SavedModel of Magenta's, `out` is there already, or ONNX Runtime paints otherwise.
        MissingExtraError: TensorFlow or tf2onnx is not installed.
    """
    place = out or converted_folder(located.source_sha256)
    if located.converted:
        raise ArtifactError(f"{located.folder}: is converted already: converting starts from the SavedModel")
    if place.exists():
        if out is None and Conversion.read(place).source_sha256 == located.source_sha256:
            OnnxNetwork(place)  # digests
            return place
        raise ArtifactError(f"{place}: is there already: name another folder, or delete it")
    tf = _import_converter()
    network: Any = open_saved_model(located)
    paintings: _Shape = ("batch", STYLE_SIDE_PX, STYLE_SIDE_PX, 3)
    photos: _Shape = ("batch", "height", "width", 3)
    vector: _Shape = (1, 1, 1, network.style_length)
    with new_folder(place) as folder:
        style = _to_onnx(tf, network.predictor, {"painting": paintings}, "vector")
        write_bytes(folder / STYLE_FILE, style)
        transformer = _to_onnx(tf, network.transformer, {"photo": photos, "vector": vector}, "painted")
        write_bytes(folder / TRANSFORMER_FILE, transformer)
        files = {name: FileRecord.of(folder / name) for name in (STYLE_FILE, TRANSFORMER_FILE)}
        versions = {"pix2style": __version__, **{name: version(name) for name in _PACKAGES}}
        Conversion(located.source_sha256, network.style_length, files, versions).write(folder)
        _compare(network, OnnxNetwork(folder, cuda=False), located.folder)
    return place


def _import_converter() -> Any:
    """TensorFlow, and then tf2onnx, which imports it as well, but neither quietly nor after triton."""
    from pix2style.teachers.magenta.tensorflow_network import import_tensorflow, quiet_stderr

    tf = import_tensorflow()
    with quiet_stderr():
        require("convert", "tf2onnx", "onnx")
    return tf


def _to_onnx(tf: Any, half: Any, inputs: Mapping[str, _Shape], output: str) -> bytes:
    """One half, its inputs and output named, the same bytes each time."""
    import tf2onnx

    from pix2style.teachers.magenta.tensorflow_network import quiet_stderr

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    specs = [
        tf.TensorSpec([size if isinstance(size, int) else None for size in shape], tf.float32, name=name)
        for name, shape in inputs.items()
    ]

    def run(*given: Any) -> Any:
        return half(*given)

    function = tf.function(run, input_signature=specs)
    try:
        with quiet_stderr(), repeatable():  # TensorFlow's optimiser tells of the processors that it has not found
            model, _ = tf2onnx.convert.from_function(
                function, input_signature=specs, opset=_OPSET, custom_op_handlers=_HANDLERS
            )
    except Exception as error:
        raise ArtifactError(f"tf2onnx cannot convert it: {reason(error)}") from error
    fuse_normalisations(model.graph)
    modernise_resizes(model.graph)
    data: bytes = canonical(model, inputs, output).SerializeToString(deterministic=True)
    return data


def _compare(network: MagentaNetwork, converted: OnnxNetwork, source: Path) -> None:
    """Both backends on a few pictures."""
    worst = 0.0
    for seed, (height, width) in enumerate(((64, 64), (72, 100), (256, 256))):
        painting, photo = _probe(seed, STYLE_SIDE_PX, STYLE_SIDE_PX), _probe(seed + 100, height, width)
        vectors = network.predict(painting), converted.predict(painting)
        painted = network.transform(photo, vectors[0]), converted.transform(photo, vectors[1])
        worst = max(worst, *(float(np.abs(one - other).max()) for one, other in (vectors, painted)))
    if not worst <= _TOLERANCE:
        raise ArtifactError(
            f"{source}: ONNX Runtime paints otherwise than TensorFlow (values differ by up to {worst:.2g}): the"
            " conversion was not kept; use the tensorflow backend"
        )


def _probe(seed: int, height: int, width: int) -> Floats:
    """Large patches under noise: a resize that takes other pixels shows in the noise, a shifted one at the edges."""
    rng = np.random.default_rng(seed)
    patches = rng.random((1, -(-height // 16), -(-width // 16), 3), np.float32).repeat(16, 1).repeat(16, 2)
    return (patches[:, :height, :width] + rng.random((1, height, width, 3), np.float32)) / np.float32(2)


def _resize_by_area(context: Any, node: Any, _name: str, _arguments: Any) -> None:
    """TensorFlow's ResizeArea as two products with constants; tf2onnx 1.17 takes nearest neighbours instead.

    tf2onnx/onnx_opset/nn.py registers ResizeArea with the nearest mode and says nothing.
    """
    _, height, width, _ = context.get_shape(node.input[0])
    to_height, to_width = node.inputs[1].get_tensor_value()
    rows = context.make_const(f"{node.name}_rows", _area_weights(height, to_height))
    columns = context.make_const(f"{node.name}_columns", _area_weights(width, to_width))
    given, result = node.input[0], node.output[0]
    shape, dtype = context.get_shape(result), context.get_dtype(result)
    context.remove_node(node.name)
    shorter = context.make_node("Einsum", [rows.output[0], given], {"equation": "ih,bhwc->biwc"})
    context.make_node(
        "Einsum",
        [columns.output[0], shorter.output[0]],
        {"equation": "jw,biwc->bijc"},
        outputs=[result],
        shapes=[shape],
        dtypes=[dtype],
    )


def _area_weights(size: int, to_size: int) -> Floats:
    """[to_size, size]: how much of each new pixel each old one covers."""
    edges = np.arange(to_size + 1) * (size / to_size)
    old = np.arange(size)
    overlap = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    weights: Floats = (np.clip(overlap, 0, None) * (to_size / size)).astype(np.float32)
    return weights


_HANDLERS: dict[str, tuple[Any, list[Any]]] = {"ResizeArea": (_resize_by_area, [])}
