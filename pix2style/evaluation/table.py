"""Print an evaluation report as a table of plain text."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table

from pix2style.evaluation.report import EvalReport, MeanEstimate, StylizerMetrics, TwoSampleTest
from pix2style.plural import counted
from pix2style.runtime.devices import CPU

_WIDTH = 120
_EMPTY_CELL = "-"


def render_table(report: EvalReport) -> str:
    """Return mean and standard error of each metric as a table, followed by what the figures were measured on."""
    headings = ["PSNR dB", "SSIM", "SWD", *_style_headings(report), *_learned(report), "size", "weights", "ms"]
    lines = table_lines(headings, [_cells(row, report) for row in report.stylizers])
    return "\n".join([*lines, *_deep_lines(report), *_told_apart_lines(report), *_footer(report)])


def table_lines(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a table whose first column holds the names of stylizers."""
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1))
    table.add_column("stylizer", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    stream = io.StringIO()
    Console(file=stream, width=_WIDTH, color_system=None, highlight=False).print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]


def _deep_lines(report: EvalReport) -> list[str]:
    """Return a second table with the figures that need VGG19: deep style distances, and structure."""
    if report.target_structure_distance is None:
        return []
    reference = report.reference.name
    columns = {
        "structure/photo": [report.target_structure_distance, *(row.structure_distance for row in report.stylizers)]
    }
    if report.stylizers[0].deep_style_to_target is not None:
        columns["deep style/teacher"] = [None, *(row.deep_style_to_target for row in report.stylizers)]
    if report.deep_target_to_painting is not None:
        to_painting = [row.deep_style_to_painting for row in report.stylizers]
        columns["deep style/painting"] = [report.deep_target_to_painting, *to_painting]
    names = [f"targets of {reference}", *(row.name for row in report.stylizers)]
    cells = [[_estimate(estimate, 3) for estimate in column] for column in columns.values()]
    return table_lines(list(columns), [list(row) for row in zip(names, *cells, strict=True)])


def _told_apart_lines(report: EvalReport) -> list[str]:
    """Return a table with the results of the classifier two-sample test; no lines if it was not made."""
    rows = [(row.name, row.told_apart) for row in report.stylizers if row.told_apart is not None]
    if not rows:
        return []
    cells = [[name, accuracy_text(told.full_size), accuracy_text(told.half_size)] for name, told in rows]
    return table_lines(["told apart at full size", "told apart at half size"], cells)


def accuracy_text(test: TwoSampleTest) -> str:
    """Return accuracy and interval of a two-sample test in per cent."""
    return f"{test.accuracy:.1%} ({test.low:.1%} to {test.high:.1%})".replace("%", " %")


def _style_headings(report: EvalReport) -> list[str]:
    """Return the headings of the style columns that hold figures; a note says why the others are missing."""
    if report.features is None:
        return []
    return ["style/teacher", *(["style/painting"] if report.paintings else [])]


def _learned(report: EvalReport) -> list[str]:
    """Return the headings of the learned metrics that were measured."""
    return [name.upper() for name in report.perceptual]


def _cells(row: StylizerMetrics, report: EvalReport) -> list[str]:
    psnr = "equal" if row.equal_pictures == row.psnr_db.n else _estimate(row.psnr_db, 2)
    styles = [_estimate(style, 3) for style in (row.style_to_target, row.style_to_painting)]
    milliseconds = _EMPTY_CELL if row.ms_per_picture is None else f"{row.ms_per_picture:.1f}"
    weights = _EMPTY_CELL if row.parameters is None else f"{row.parameters:,}"
    shown_styles = styles[: len(_style_headings(report))]
    patches = _estimate(row.patch_distance.relative if row.patch_distance else None, 3)
    learned = [_estimate(getattr(row, name), 3) for name in report.perceptual]
    texts = [psnr, _estimate(row.ssim, 3), patches, *shown_styles, *learned]
    return [row.name, *texts, _size(row.bytes), weights, milliseconds]


def _estimate(estimate: MeanEstimate | None, digits: int) -> str:
    if estimate is None:
        return _EMPTY_CELL
    error = "" if estimate.standard_error is None else f" ±{estimate.standard_error:.{digits}f}"
    return f"{estimate.mean:.{digits}f}{error}"


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return _EMPTY_CELL
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def _time_line(report: EvalReport) -> str:
    """Say what the milliseconds were measured on; another device than the processor does not use torch's threads."""
    machine = report.machine
    device = machine.get("device", CPU)
    threads = f", torch threads {machine['torch_threads']}" if device == CPU else f", with --device {device}"
    return (
        f"ms: median time of one photo, {report.mean_megapixels:.2f} megapixels on average, on {machine['cores']} cores"
        f" ({machine['processor']}){threads}"
    )


def _footer(report: EvalReport) -> list[str]:
    dataset = report.material
    source = f"{dataset.split} split of {dataset.name}" if dataset.split else dataset.name
    lines = [
        f"{counted(dataset.photos, 'photo')} ({source}); mean ±standard error",
        f"targets: the images of {report.reference.name}",
        _time_line(report),
    ]
    lines.append("SWD: sliced Wasserstein distance of 7x7 patches from the targets'; 0 is equal, 1 as far as the photo")
    for name, record in report.perceptual.items():
        lines.append(f"{name.upper()}: learned distance from the targets, {record.network}; 0 is equal")
    if any(row.told_apart for row in report.stylizers):
        lines.append(
            "told apart: how often a network tells the outputs from the targets on photos that are new to it, with its"
            " 95 % interval over photos; 50 % is chance"
        )
    if report.features is not None:
        features = report.features
        network = f"{features.network} ({features.weights})" if features.weights else features.network
        lines.append(f"style: relative distance of Gram matrices of {network}; 0 is the same style")
    if "deep_style_to_target" in report.style_layers:
        lines.append("deep style: the same over relu1_1 to relu5_1, painting as large as teachers see it (256 px)")
    if report.target_structure_distance is not None:
        lines.append(
            "structure/photo: distance of the similarities between patches; 0 is the photo's structure, 1 a plain area"
        )
    if report.target_to_painting is not None:
        lines.append(f"style/painting of {report.reference.name} itself: {_estimate(report.target_to_painting, 3)}")
    lines += [f"note: {note}" for note in report.notes]
    return lines + [f"failed: {failure.name}: {failure.reason}" for failure in report.failures]
