"""A generator as an ONNX graph: bytes in, bytes out, and nothing in it of the machine that made it."""

from __future__ import annotations

import contextlib
import getpass
import io
import logging
import site
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import onnx
import torch
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.export.fp16_weights import halve_weights
from pix2style.export.graph_builder import OPSET
from pix2style.export.lite.calibration import Calibration
from pix2style.export.lite.float_layers import FloatLayers
from pix2style.export.lite.int8_layers import Int8Layers
from pix2style.export.lite.lite_graph import Layers, lite_graph
from pix2style.images import to_signed
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.spec import GLIMPSE_NAME, INPUT_NAME, OUTPUT_NAME, SPEC_KEY, STRENGTH_NAME, STYLE_NAME, GeneratorSpec
from pix2style.version import __version__

Precision = Literal["fp32", "fp16", "int8"]
_DIMENSIONS = ("batch", "height", "width")
# Any size would do: it must only not be one that torch.export takes for a constant (0, 1), or a multiple of anything.
_EXAMPLE_SHAPE = (2, 37, 43, 3)
_CHANNELS = 3
_HALF_RANGE = 127.5
_LEVEL_MAX = 255
_OPTIONAL = {
    STRENGTH_NAME: "float32 [1], 0 gives the photo back, 1 (default) the whole style",
    STYLE_NAME: "float32 [styles], weights with the sum 1; default: the first style",
    GLIMPSE_NAME: "uint8 [1 or batch, 96, 96, 3], of the photo that the input is a tile of; default: its own",
}


class Filter(nn.Module):
    """What ships: conversion, generator, conversion. uint8 [batch, height, width, 3] in and out.

    The arithmetic is `images.to_signed` and `images.from_signed`, whose rounding (half to even) `torch.round` shares.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, photo: Tensor) -> Tensor:
        """Stylize bytes."""
        signed = to_signed(photo.permute(0, 3, 1, 2).to(torch.float32))
        levels = torch.round(self.generator(signed) * _HALF_RANGE + _HALF_RANGE)
        return torch.clamp(levels, 0, _LEVEL_MAX).to(torch.uint8).permute(0, 2, 3, 1)


def build_graph(
    generator: Generator,
    precision: Precision = "fp32",
    calibration: Calibration | None = None,
    *,
    for_opencv: bool = False,
) -> onnx.ModelProto:
    """The filter's graph, without the description of itself that `describe` adds.

    Args:
        generator: folded, in evaluation mode, on the CPU.
        precision: `fp16` keeps the weights in half the bytes; `int8` computes in 8 bits.
        calibration: of that generator, for `int8`.
        for_opencv: make an `int8` graph that OpenCV runs.

    Raises:
        ArtifactError: torch cannot export this network, or not with free sizes at the wanted opset; or it is not one
            that can be computed in 8 bits.
    """
    if precision == "int8" and not isinstance(generator, Lite):
        raise ArtifactError(
            f"a generator of the kind {generator.architecture} cannot be exported as int8, only lite: export fp16"
        )
    if isinstance(generator, Lite):
        layers: Layers = FloatLayers(generator)
        if calibration is not None:
            layers = Int8Layers(generator, calibration, for_opencv=for_opencv)
        model = lite_graph(generator, layers)
    else:
        model = _trace(Filter(generator).eval())
        _check_interface(model)
        _strip(model)
    _refuse_local_paths(model)
    if precision != "fp32":
        halve_weights(model)
    return model


def _trace(module: Filter) -> onnx.ModelProto:
    example = torch.zeros(_EXAMPLE_SHAPE, dtype=torch.uint8)
    try:
        with _quiet():
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes={"photo": dict(enumerate(_DIMENSIONS))},
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        cause = error.__cause__ or error
        raise ArtifactError(
            f"torch {torch.__version__} cannot export {type(module.generator).__name__} to ONNX"
            f" ({type(cause).__name__}: {str(cause).strip().splitlines()[0]})"
        ) from error
    if program is None:
        raise ArtifactError(f"torch {torch.__version__} exported nothing: it needs the packages onnx and onnxscript")
    return program.model_proto


def _check_interface(model: onnx.ModelProto) -> None:
    """The exporter gives another opset than asked for, or fixes a size, without an error: so look."""
    opsets = {one.domain: one.version for one in model.opset_import}
    if opsets != {"": OPSET}:
        raise ArtifactError(
            f"the exporter of torch {torch.__version__} wrote the opsets {opsets} instead of {OPSET}: a filter must run"
            " on every ONNX Runtime of that opset; use another version of torch"
        )
    dimensions = [one.dim_param or one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim]
    if dimensions != [*_DIMENSIONS, _CHANNELS]:
        raise ArtifactError(
            f"the network's export accepts only the sizes {dimensions} instead of any: its forward() treats a size as a"
            " constant"
        )


def _strip(model: onnx.ModelProto) -> None:
    """Take out what is not needed to run: source files, stack traces, traced names, intermediate shapes.

    That is where local paths are, and what differs from run to run.
    """
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        holder.ClearField("doc_string")
        holder.ClearField("metadata_props")
    graph.ClearField("value_info")
    graph.name = "filter"
    for one, name in zip(graph.output[0].type.tensor_type.shape.dim, _DIMENSIONS, strict=False):
        # torch writes a formula of the crop; it says the same, unreadably.
        one.dim_param = name


def _refuse_local_paths(model: onnx.ModelProto) -> None:
    """Raise if the graph's text (all but the weights' bytes) names this machine or its user."""
    graph = model.graph
    parts = [one.SerializeToString() for one in (*graph.node, *graph.input, *graph.output)]
    text = b"\0".join([*parts, *(one.name.encode() for one in graph.initializer)])
    for local in local_paths():
        if local.encode() in text:
            raise ArtifactError(f"the exported graph would carry the local path {local}: this is a bug of pix2style")


def local_paths() -> list[str]:
    """Texts that would give away where and by whom a file was made."""
    folders = [
        Path.home(),
        Path.cwd(),
        Path(sys.prefix),
        Path(torch.__file__).parent,
        *map(Path, site.getsitepackages()),
    ]
    names = [str(folder) for folder in folders if len(folder.parts) > 1]
    with contextlib.suppress(KeyError, OSError):  # a container's user may have no name
        names += [f"/{getpass.getuser()}/", f"\\{getpass.getuser()}\\"]
    return [*names, "site-packages", 'File "']


def describe(model: onnx.ModelProto, spec: GeneratorSpec) -> None:
    """Write into a graph what it is, for people and for `GeneratorSpec.from_json`; then check the whole."""
    model.producer_name, model.producer_version = "pix2style", __version__
    inputs = {one.name for one in model.graph.input}
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    size = f"uint8 [{batch.dim_param or batch.dim_value}, height, width, 3], RGB, sRGB levels of 0 to 255"
    described = {
        "name": spec.name,
        "licence": spec.licence,
        "architecture": spec.architecture,
        "precision": spec.precision,
        "input": f"{INPUT_NAME}: {size}; any height and width",
        "output": f"{OUTPUT_NAME}: {size}; the input's height and width",
        **{f"optional input {name}": text for name, text in _OPTIONAL.items() if name in inputs},
        SPEC_KEY: spec.to_json(),
    }
    for key, value in described.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, warnings and log lines off the terminal; errors still raise."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
