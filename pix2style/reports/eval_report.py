"""The report of an evaluation: the table of figures, the best and the worst photos, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pix2style.evaluation.report import EvalReport, MeanEstimate, PatchDistance, StylizerMetrics, ToldApart
from pix2style.evaluation.table import accuracy_text
from pix2style.plural import counted
from pix2style.reports.extremes import Extremes
from pix2style.reports.html import details, page, paragraph, section, table

_MEANS = {
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "patch_distance": "distance of patches (SWD), photo = 1",
    "style_to_target": "style distance to the targets",
    "style_to_painting": "style distance to the painting",
    "deep_style_to_target": "style distance to the targets, to relu5_1",
    "deep_style_to_painting": "style distance to the painting, to relu5_1",
    "structure_distance": "structure distance to the photos",
    "lpips": "LPIPS",
    "dists": "DISTS",
    "told_apart": "told apart by a network; 50 % is chance",
}
_NUMBERS = {"ms_per_picture": "ms for a photo", "bytes": "bytes", "parameters": "weights"}


def eval_report(report: EvalReport, extremes: Extremes | None = None) -> str:
    """Return the report of an evaluation as HTML.

    Args:
        report: The evaluation.
        extremes: The best and the worst photos; None if their images are not at hand.
    """
    photos = counted(report.material.photos, "photo")
    return page(
        f"Evaluation on {report.material.name}",
        f"Outputs for {photos}, compared with the images of {report.reference.name}."
        ' The row "photo" is the unchanged photo.',
        [
            section("Metrics", figures_table(report.stylizers), *map(paragraph, report.notes)),
            *(extremes.sections() if extremes is not None else ()),
            section("Photos that could not be read", _failures(report)),
            section("Origin", details("the whole report as JSON", _as_text(report))),
        ],
    )


def figures_table(rows: Sequence[StylizerMetrics]) -> str:
    """Return the table of figures, without columns that are empty in all rows."""
    names = [name for name in (*_MEANS, *_NUMBERS) if any(getattr(row, name) is not None for row in rows)]
    cells = [[row.name, *(_value(getattr(row, name)) for name in names)] for row in rows]
    return table(["", *({**_MEANS, **_NUMBERS}[name] for name in names)], cells)


def _value(value: MeanEstimate | PatchDistance | ToldApart | float | None) -> object:
    if isinstance(value, ToldApart):
        return f"{accuracy_text(value.full_size)}; at half size {accuracy_text(value.half_size)}"
    if isinstance(value, PatchDistance):
        value = value.relative
    if not isinstance(value, MeanEstimate):
        return value
    error = "" if value.standard_error is None else f" ± {value.standard_error:.2g}"
    return f"{value.mean:.4g}{error}"


def _failures(report: EvalReport) -> str:
    if not report.failures:
        return ""
    return table(["photo", "reason"], [(failure.name, failure.reason) for failure in report.failures])


def _as_text(report: EvalReport) -> str:
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False)
