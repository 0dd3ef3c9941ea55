"""One row of a report while it grows, and when it is done."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from pix2style.evaluation.report import MeanEstimate, StylizerMetrics
from pix2style.pairs.format.plan import teacher_record
from pix2style.runs.stylizer import RunStylizer
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Stylizer


@dataclass(slots=True)
class Tally:
    """One row's values, photo by photo."""

    psnr_db: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    style_to_target: list[float] = field(default_factory=list)
    style_to_painting: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    equal: int = 0


def row_of(name: str, stylizer: Stylizer | None, tally: Tally) -> StylizerMetrics:
    """One row of the report, of at least one photo.

    Args:
        name: of the row.
        stylizer: None: the unchanged photo.
        tally: what was measured.
    """
    size_bytes, parameters = _size(stylizer)
    return StylizerMetrics(
        name=name,
        identity=None if stylizer is None else teacher_record(stylizer.identity),
        psnr_db=MeanEstimate.of(tally.psnr_db),
        equal_pictures=tally.equal,
        ssim=MeanEstimate.of(tally.ssim),
        style_to_target=MeanEstimate.of(tally.style_to_target) if tally.style_to_target else None,
        style_to_painting=MeanEstimate.of(tally.style_to_painting) if tally.style_to_painting else None,
        ms_per_picture=statistics.median(tally.ms) if tally.ms else None,
        bytes=size_bytes,
        parameters=parameters,
    )


def _size(stylizer: Stylizer | None) -> tuple[int | None, int | None]:
    """Bytes of the weights as stored, and their number; None where there are none or nobody says."""
    if isinstance(stylizer, OnnxStylizer):
        return stylizer.bytes, stylizer.spec.parameters
    if isinstance(stylizer, RunStylizer):
        return stylizer.bytes, stylizer.parameters
    return None, None
