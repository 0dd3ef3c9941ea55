"""Print an evaluation report as a table of plain text."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table

from pix2style.evaluation.report import EvalReport, MeanEstimate, StylizerMetrics

_WIDTH = 120
_EMPTY_CELL = "-"


def render_table(report: EvalReport) -> str:
    """Return mean and standard error of each metric as a table, followed by what the figures were measured on."""
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1))
    table.add_column("stylizer", overflow="fold")
    for heading in ("PSNR dB", "SSIM", *_style_headings(report), "size", "weights", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in report.stylizers:
        table.add_row(*_cells(row, report))
    stream = io.StringIO()
    Console(file=stream, width=_WIDTH, color_system=None, highlight=False).print(table)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    return "\n".join([line for line in lines if line] + _footer(report))


def _style_headings(report: EvalReport) -> list[str]:
    """Return the headings of the style columns that hold figures; a note says why the others are missing."""
    if report.features is None:
        return []
    return ["style/teacher", *(["style/painting"] if report.paintings else [])]


def _cells(row: StylizerMetrics, report: EvalReport) -> list[str]:
    all_equal = row.equal_pictures == row.psnr_db.n
    psnr = "equal" if all_equal else _estimate(row.psnr_db, 2)
    styles = [_estimate(style, 3) for style in (row.style_to_target, row.style_to_painting)]
    milliseconds = _EMPTY_CELL if row.ms_per_picture is None else f"{row.ms_per_picture:.1f}"
    weights = _EMPTY_CELL if row.parameters is None else f"{row.parameters:,}"
    shown_styles = styles[: len(_style_headings(report))]
    return [row.name, psnr, _estimate(row.ssim, 3), *shown_styles, _size(row.bytes), weights, milliseconds]


def _estimate(estimate: MeanEstimate | None, digits: int) -> str:
    if estimate is None:
        return _EMPTY_CELL
    error = "" if estimate.standard_error is None else f" ±{estimate.standard_error:.{digits}f}"
    return f"{estimate.mean:.{digits}f}{error}"


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return _EMPTY_CELL
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def _footer(report: EvalReport) -> list[str]:
    dataset, machine = report.material, report.machine
    source = f"{dataset.split} split of {dataset.name}" if dataset.split else dataset.name
    lines = [
        f"{dataset.photos} photos ({source}), {report.mean_megapixels:.2f} megapixels on average; mean ±standard error",
        f"targets: the images of {report.reference.name}",
        (
            f"ms: median time of one photo on {machine['cores']} cores ({machine['processor']}),"
            f" torch threads {machine['torch_threads']}"
        ),
    ]
    if report.features is not None:
        features = report.features
        network = f"{features.network} ({features.weights})" if features.weights else features.network
        lines.append(f"style: relative distance of Gram matrices of {network}; 0 is the same style")
    if report.target_to_painting is not None:
        lines.append(f"style/painting of {report.reference.name} itself: {_estimate(report.target_to_painting, 3)}")
    lines += [f"note: {note}" for note in report.notes]
    return lines + [f"failed: {failure.name}: {failure.reason}" for failure in report.failures]
