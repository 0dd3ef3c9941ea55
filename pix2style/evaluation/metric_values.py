"""Collect the metrics of one stylizer photo by photo, and summarise them as one row of the report."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from pix2style.evaluation.report import MeanEstimate, StylizerMetrics
from pix2style.pairs.format.plan import teacher_record
from pix2style.runs.stylizer import RunStylizer
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Stylizer


@dataclass(slots=True)
class MetricValues:
    """Metrics of one stylizer, one value per photo.

    Attributes:
        psnr_db: PSNR against the target, in dB.
        ssim: SSIM against the target.
        style_to_target: Style distance from the target; empty without a feature network.
        style_to_painting: Mean style distance from the paintings; empty without a feature network or a painting.
        milliseconds: Time of each photo that was timed.
        equal_outputs: Number of outputs that equal their target in every byte.
    """

    psnr_db: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    style_to_target: list[float] = field(default_factory=list)
    style_to_painting: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    equal_outputs: int = 0

    def summarise(self, name: str, stylizer: Stylizer | None) -> StylizerMetrics:
        """Return the stylizer's row of the report; there must be values of at least one photo.

        Args:
            name: Name of the row.
            stylizer: The stylizer, or None for the unchanged photos.
        """
        size_bytes, parameters = _stored_size(stylizer)
        return StylizerMetrics(
            name=name,
            identity=None if stylizer is None else teacher_record(stylizer.identity),
            psnr_db=MeanEstimate.from_values(self.psnr_db),
            equal_pictures=self.equal_outputs,
            ssim=MeanEstimate.from_values(self.ssim),
            style_to_target=_mean_or_none(self.style_to_target),
            style_to_painting=_mean_or_none(self.style_to_painting),
            ms_per_picture=statistics.median(self.milliseconds) if self.milliseconds else None,
            bytes=size_bytes,
            parameters=parameters,
        )


def _mean_or_none(values: list[float]) -> MeanEstimate | None:
    return MeanEstimate.from_values(values) if values else None


def _stored_size(stylizer: Stylizer | None) -> tuple[int | None, int | None]:
    """Return bytes and number of the stored weights, or None for both if the stylizer has no such file."""
    if isinstance(stylizer, OnnxStylizer):
        return stylizer.bytes, stylizer.spec.parameters
    if isinstance(stylizer, RunStylizer):
        return stylizer.bytes, stylizer.parameters
    return None, None
