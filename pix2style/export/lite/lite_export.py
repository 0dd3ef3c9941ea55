"""Export the lightweight generator with its hand-written graph, which is faster and has more inputs than a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import onnx

from pix2style.errors import ArtifactError
from pix2style.export.generator_export import GeneratorExport, Precision
from pix2style.export.lite.best_exponent import best_exponent
from pix2style.export.lite.calibration import calibrate
from pix2style.export.lite.equalisation import equalise_channels
from pix2style.export.lite.float_layers import FloatLayers
from pix2style.export.lite.int8_layers import Int8Layers
from pix2style.export.lite.lite_graph import lite_graph
from pix2style.export.opencv import verify_in_opencv
from pix2style.images import Image8
from pix2style.images.glimpse import GLIMPSE_SIDE_PX
from pix2style.nets.lite import Lite


class LiteExport(GeneratorExport):
    """Export of the lightweight generator; see `GeneratorExport`."""

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "fp16", "int8")
    holds_styles: ClassVar[bool] = True
    glimpse_px: ClassVar[int] = GLIMPSE_SIDE_PX

    def __init__(self, network: Lite) -> None:
        super().__init__(network)
        self._network = network

    @property
    def opencv_precisions(self) -> tuple[Precision, ...]:
        """See `GeneratorExport.opencv_precisions`. OpenCV has no 8-bit convolution with computed scales."""
        return self.precisions if self._network.norm == "none" else ("fp32", "fp16")

    def _build(
        self, precision: Precision, calibration_photos: Sequence[Image8] | None, *, for_opencv: bool
    ) -> onnx.ModelProto:
        folded = self._network.folded().eval()
        if precision != "int8":
            return lite_graph(folded, FloatLayers(folded))
        if for_opencv and precision not in self.opencv_precisions:
            raise ArtifactError(
                "OpenCV cannot run the 8-bit file of a generator with normalisation (model.lite.norm: instance): export"
                " --precision fp32 or fp16, which OpenCV runs"
            )
        if calibration_photos is None:
            raise ArtifactError("int8 needs photos to measure the ranges of the 8-bit values on: name the pair set")
        exponent = best_exponent(folded, calibration_photos)
        equalised = equalise_channels(folded, calibration_photos, exponent)
        layers = Int8Layers(equalised, calibrate(equalised, calibration_photos), for_opencv=for_opencv)
        return lite_graph(equalised, layers)

    def verify_in_opencv(self, data: bytes, precision: Precision, *, for_opencv: bool) -> str:
        """Compare a finished file in OpenCV; see `GeneratorExport.verify_in_opencv`."""
        if precision == "int8" and not for_opencv:
            return "not checked in OpenCV, which runs int8 files only if they were exported for it (--for-opencv)"
        return verify_in_opencv(data, int8=precision == "int8")

    def hub_config(self) -> dict[str, Any]:
        """Return the arguments of `Lite` with which `pix2style.hub.LiteHub` builds the network again."""
        return {
            "architecture": self._network.architecture,
            "channels": self._network.channels,
            "blocks": len(self._network.body),
            "scale": self._network.scale,
            "styles": self._network.styles,
            "norm": self._network.norm,
        }
