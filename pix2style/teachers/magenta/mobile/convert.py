"""Convert the wheel's two graphs to the mobile network, in the layout that `pix2style teacher convert` writes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx

from pix2style.files import write_bytes
from pix2style.teachers.magenta.mobile import passes, wheel
from pix2style.teachers.magenta.mobile.verify import check_float, check_free_sizes
from pix2style.teachers.magenta.network import STYLE_SIDE_PX, NetworkLabel
from pix2style.teachers.magenta.onnx_canonical import canonicalize
from pix2style.teachers.magenta.records import STYLE_FILE, TRANSFORMER_FILE, ConversionRecord, FileRecord
from pix2style.version import __version__

STYLE_LENGTH = 100
MOBILE_LABEL = NetworkLabel(wheel.NETWORK_NAME, wheel.LICENCE, wheel.LICENCE_SOURCE, wheel.FILES_SHA256)
_Shapes = dict[str, tuple[str | int, ...]]
_PAINTINGS: _Shapes = {"painting": ("batch", STYLE_SIDE_PX, STYLE_SIDE_PX, 3)}
_PHOTOS: _Shapes = {"photo": ("batch", "height", "width", 3), "vector": (1, 1, 1, STYLE_LENGTH)}


def convert_wheel(files: Mapping[str, bytes], folder: Path, converter_version: str) -> None:
    """Write the two ONNX files and their record teacher.json.

    Args:
        files: The wheel's files, see `wheel.read_wheel`.
        folder: Existing folder.
        converter_version: Version of the conversion, for the record.

    Raises:
        ArtifactError: If the converted network does not compute what the wheel's graphs compute.
    """
    predictor, transformer = (onnx.load_from_string(files[name]) for name in wheel.FILES_SHA256)
    passes.free_sizes(predictor.graph, _PAINTINGS)
    passes.free_sizes(transformer.graph, _PHOTOS)
    free = predictor.SerializeToString(), transformer.SerializeToString()
    probe = check_free_sizes((files[wheel.PREDICTOR_FILE], files[wheel.TRANSFORMER_FILE]), free)
    converted = _finish(predictor, _PAINTINGS, "vector"), _finish(transformer, _PHOTOS, "painted")
    check_float(converted, *probe)
    for name, data in zip((STYLE_FILE, TRANSFORMER_FILE), converted, strict=True):
        write_bytes(folder / name, data)
    records = {name: FileRecord.of(folder / name) for name in (STYLE_FILE, TRANSFORMER_FILE)}
    versions = {"pix2style": __version__, "converter": converter_version, "onnx": version("onnx")}
    versions[wheel.PACKAGE] = wheel.VERSION
    ConversionRecord(wheel.SOURCE_SHA256, STYLE_LENGTH, records, versions, MOBILE_LABEL).write(folder)


def _finish(model: Any, inputs: _Shapes, output: str) -> bytes:
    """Let a graph with free sizes compute in float32, and return it with canonical names and order."""
    passes.drop_activation_quantization(model.graph)
    passes.unpack_weights(model.graph)
    passes.drop_unit_resizes(model.graph)
    passes.fuse_style_norms(model.graph)
    data: bytes = canonicalize(model, inputs, output).SerializeToString(deterministic=True)
    return data
