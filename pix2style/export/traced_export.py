"""Export a generator by tracing it with torch's exporter: the way of every generator but the lightweight one."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import ClassVar

import onnx
import torch
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.export.generator_export import GeneratorExport, Precision
from pix2style.export.graph_builder import IR_VERSION
from pix2style.export.lower_opset import lower_opset
from pix2style.images import Image8, to_signed
from pix2style.nets.generator import Generator
from pix2style.spec import INPUT_NAME, OUTPUT_NAME

OPSET = 18
"""The lowest opset that torch's exporter writes."""
_DIMENSIONS = ("batch", "height", "width")
# The size of the traced example is free within limits: torch.export takes sizes of 0 and 1 for constants, and from a
# multiple of `size_multiple` it would conclude that photos never need padding.
_EXAMPLE_SHAPE = (2, 37, 43, 3)
_CHANNELS = 3
_HALF_RANGE = 127.5  # [-1, 1] to levels of 0..255
_LEVEL_MAX = 255


class TracedExport(GeneratorExport):
    """Export by tracing; see `GeneratorExport`."""

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "fp16")
    holds_styles: ClassVar[bool] = False
    glimpse_px: ClassVar[int] = 0

    def __init__(self, generator: Generator) -> None:
        super().__init__(generator)
        self._generator = generator

    def _build(
        self, precision: Precision, calibration_photos: Sequence[Image8] | None, *, for_opencv: bool
    ) -> onnx.ModelProto:
        del precision, calibration_photos, for_opencv  # they matter for int8 only
        model = _trace(Uint8Generator(self._generator.folded()).eval())
        _check_interface(model)
        _strip(model)
        lower_opset(model)
        model.ir_version = IR_VERSION
        return model


class Uint8Generator(nn.Module):
    """A generator from bytes to bytes, as it is exported: uint8 [batch, height, width, 3] in and out.

    The conversions compute what `images.to_signed` and `images.from_signed` compute. `torch.round` rounds half to even,
    as numpy does there.

    Args:
        generator: Folded generator in evaluation mode, from and to [-1, 1].
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, photo: Tensor) -> Tensor:
        """Stylize a batch of photos."""
        signed = to_signed(photo.permute(0, 3, 1, 2).to(torch.float32))
        levels = torch.round(self.generator(signed) * _HALF_RANGE + _HALF_RANGE)
        return torch.clamp(levels, 0, _LEVEL_MAX).to(torch.uint8).permute(0, 2, 3, 1)


def _trace(module: Uint8Generator) -> onnx.ModelProto:
    example = torch.zeros(_EXAMPLE_SHAPE, dtype=torch.uint8)
    try:
        with _silent_exporter():
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
        raise ArtifactError(f"torch {torch.__version__} exported nothing: install the packages onnx and onnxscript")
    return program.model_proto


def _check_interface(model: onnx.ModelProto) -> None:
    """Check opset and input sizes: the exporter may choose another opset or fix a size, and reports neither."""
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    if opsets != {"": OPSET}:
        raise ArtifactError(
            f"the exporter of torch {torch.__version__} wrote the opsets {opsets} instead of {OPSET}: a filter must run"
            " on every ONNX Runtime of that opset; use another version of torch"
        )
    dimensions = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    if dimensions != [*_DIMENSIONS, _CHANNELS]:
        raise ArtifactError(
            f"the exported network accepts only inputs of the shape {dimensions} instead of any size: its forward()"
            " uses a size as a constant"
        )


def _strip(model: onnx.ModelProto) -> None:
    """Remove what is not needed to run: stack traces, names of source files and modules, intermediate shapes.

    Stack traces hold local paths, and names and shapes may differ from one run to the next.
    """
    graph = model.graph
    for message in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        message.ClearField("doc_string")
        message.ClearField("metadata_props")
    graph.ClearField("value_info")
    graph.name = "filter"
    for dim, name in zip(graph.output[0].type.tensor_type.shape.dim, _DIMENSIONS, strict=False):
        # torch writes the formula of padding and cropping as the output's size, which equals the input's size.
        dim.dim_param = name


@contextlib.contextmanager
def _silent_exporter() -> Iterator[None]:
    """Keep the exporter's progress, warnings and log lines off the terminal; exceptions pass."""
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
