"""How a generator becomes the ONNX graph of a filter file: the interface that every kind of generator has for export.

The implementations are `traced_export.TracedExport` and `lite.lite_export.LiteExport`; `choose_export` picks one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import onnx

from pix2style.errors import ArtifactError
from pix2style.export.fp16_weights import store_weights_as_fp16
from pix2style.export.local_paths import refuse_local_paths
from pix2style.images import Image8
from pix2style.nets.generator import Generator

Precision = Literal["fp32", "fp16", "int8"]


class GeneratorExport(ABC):
    """Builds the graph of one generator, and says what the files of its kind can do.

    Args:
        generator: Generator that is not folded. To build a graph it must be in evaluation mode, on the CPU, in float32.

    Attributes:
        precisions: Precisions in which the generator can be exported, the most exact one first.
        holds_styles: Whether one file can hold several styles, with an input that selects one.
        glimpse_px: Side of the optional input `glimpse` in pixels; 0 if the files have no such input.
    """

    precisions: ClassVar[tuple[Precision, ...]]
    holds_styles: ClassVar[bool]
    glimpse_px: ClassVar[int]

    def __init__(self, generator: Generator) -> None:
        self.architecture = generator.architecture

    @property
    def opencv_precisions(self) -> tuple[Precision, ...]:
        """Precisions whose files OpenCV may be able to run."""
        return self.precisions

    def build(
        self,
        precision: Precision = "fp32",
        calibration_photos: Sequence[Image8] | None = None,
        *,
        for_opencv: bool = False,
    ) -> onnx.ModelProto:
        """Build the graph of the filter, without the metadata that `metadata.write_metadata` adds.

        Args:
            precision: `fp32`; `fp16` to store the weights in half the bytes; `int8` to compute in 8 bits.
            calibration_photos: Photos on which the ranges of the 8-bit values are measured; needed for `int8`.
            for_opencv: Build an `int8` graph that OpenCV can run; such a graph is slower in ONNX Runtime.

        Raises:
            ArtifactError: The generator cannot be exported in this precision or for arbitrary image sizes.
        """
        if precision not in self.precisions:
            raise ArtifactError(
                f"a generator of the kind {self.architecture} cannot be exported as {precision}, only as"
                f" {' or '.join(self.precisions)}"
            )
        model = self._build(precision, calibration_photos, for_opencv=for_opencv)
        refuse_local_paths(model)
        if precision != "fp32":
            # An int8 file gains as well: the layers that process the glimpse stay in float.
            store_weights_as_fp16(model)
        return model

    @abstractmethod
    def _build(
        self, precision: Precision, calibration_photos: Sequence[Image8] | None, *, for_opencv: bool
    ) -> onnx.ModelProto:
        """Build the graph with float32 (or 8-bit) weights; arguments as in `build`."""

    def verify_in_opencv(self, data: bytes, precision: Precision, *, for_opencv: bool) -> str:
        """Compare a finished file in OpenCV with ONNX Runtime, if files of this kind are meant to run in OpenCV.

        Args:
            data: Content of the filter file.
            precision: Precision of the file.
            for_opencv: Whether an `int8` file was built for OpenCV.

        Returns:
            One line about the comparison for the export report; empty if files of this kind are not compared.

        Raises:
            ArtifactError: OpenCV runs the file but its output differs.
        """
        del data, precision, for_opencv
        return ""

    def hub_config(self) -> dict[str, Any] | None:
        """Return what `pix2style.hub` needs to build the network again; None if it cannot load this kind."""
        return None
