"""An `EvalReport` for people: a table of plain text, and a sheet of pictures."""

from __future__ import annotations

import io
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from pix2style.evaluation.evaluate import EvaluatedPhoto
from pix2style.evaluation.report import EvalReport, MeanEstimate, StylizerMetrics
from pix2style.images import Image8, Picture, sheet, write_picture

_WIDTH = 120
_NOTHING = "-"
_LONGEST_HEADING = 24


def render_table(report: EvalReport) -> str:
    """Figures as plain text: mean and standard error of each column, then what they belong to."""
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
    """Columns that nobody filled are left out; a note says why."""
    if report.features is None:
        return []
    return ["style/teacher", *(["style/painting"] if report.paintings else [])]


def _cells(row: StylizerMetrics, report: EvalReport) -> list[str]:
    everywhere_equal = row.equal_pictures == row.psnr_db.n
    psnr = "equal" if everywhere_equal else _figure(row.psnr_db, 2)
    styles = [_figure(one, 3) for one in (row.style_to_target, row.style_to_painting)][: len(_style_headings(report))]
    milliseconds = _NOTHING if row.ms_per_picture is None else f"{row.ms_per_picture:.1f}"
    weights = _NOTHING if row.parameters is None else f"{row.parameters:,}"
    return [row.name, psnr, _figure(row.ssim, 3), *styles, _bytes(row.bytes), weights, milliseconds]


def _figure(figure: MeanEstimate | None, digits: int) -> str:
    if figure is None:
        return _NOTHING
    error = "" if figure.standard_error is None else f" ±{figure.standard_error:.{digits}f}"
    return f"{figure.mean:.{digits}f}{error}"


def _bytes(count: int | None) -> str:
    if count is None:
        return _NOTHING
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _footer(report: EvalReport) -> list[str]:
    material, machine = report.material, report.machine
    where = f"{material.split} split of {material.name}" if material.split else material.name
    lines = [
        f"{material.photos} photos ({where}), {report.mean_megapixels:.2f} megapixels on average; mean ±standard error",
        f"compared with the pictures of {report.reference.name}",
        (
            f"ms: median of one picture at a time on {machine['cores']} cores ({machine['processor']}),"
            f" torch threads {machine['torch_threads']}"
        ),
    ]
    if report.features is not None:
        lines.append(f"style: relative distance of Gram matrices, {report.features.network}; 0 is the same style")
    if report.target_to_painting is not None:
        lines.append(f"the reference's pictures themselves: style/painting {_figure(report.target_to_painting, 3)}")
    lines += [f"note: {note}" for note in report.notes]
    return lines + [f"failed: {failure.name}: {failure.reason}" for failure in report.failures]


class ContactSheet:
    """Photo, target and every stylizer side by side, for the first photos.

    Args:
        limit: rows at most.
    """

    def __init__(self, limit: int = 8) -> None:
        self._limit = limit
        self._rows: list[list[Image8]] = []
        self._headings: list[str] = []

    def __call__(self, shown: EvaluatedPhoto) -> None:
        """Keep one photo's pictures, if there is room."""
        if len(self._rows) < self._limit:
            self._headings = ["photo", "target", *(_short(name) for name in shown.painted)]
            self._rows.append([shown.photo, shown.target, *shown.painted.values()])

    def write(self, path: Path) -> None:
        """Write the sheet.

        Raises:
            DataError: the file cannot be written.
        """
        write_picture(path, Picture(sheet(self._rows, self._headings)))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_HEADING else f"...{name[-_LONGEST_HEADING + 3 :]}"
