"""The metrics of a run, as its file `metrics.jsonl` holds them, in charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import DataError
from pix2style.reports.line_chart import line_chart

_X = "images_seen"
_VALIDATION = {
    "validation/psnr_db": "Validation: PSNR, dB",
    "validation/ssim": "Validation: SSIM",
    "validation/l1_levels": "Validation: mean difference, levels of 255",
}


class RunMetrics:
    """Read metrics, one JSON object per line. Lines that a killed process left unfinished are left out.

    Attributes:
        rows: Metrics by their names, in the order in which they were written.
        left_out: Number of lines that hold no metrics.

    Raises:
        DataError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
        parsed = [_parse(line) for line in lines]
        self.rows: list[dict[str, float]] = [row for row in parsed if row]
        self.left_out = len(parsed) - len(self.rows)

    def charts(self) -> list[str]:
        """Return charts of losses, validation figures, learning rates, gradients and speed."""
        parts = sorted({name.partition("/")[0] for row in self.rows for name in row if "/" in name} - {"validation"})
        charts = [self._chart(f"Losses of the {part}", self._losses(part)) for part in parts]
        charts += [self._chart(title, [name]) for name, title in _VALIDATION.items()]
        for title, ending in (("Learning rates", "/lr"), ("Gradient norms", "/gradient_norm")):
            charts.append(self._chart(title, [part + ending for part in parts]))
        charts.append(self._chart("Images per second", ["images_per_s"]))
        return [chart for chart in charts if chart]

    def _losses(self, part: str) -> list[str]:
        names = {name for row in self.rows for name in row if name.startswith(f"{part}/")}
        return sorted(names - {f"{part}/lr", f"{part}/gradient_norm"})

    def _chart(self, title: str, names: Sequence[str]) -> str:
        series = {name: [(row[_X], row[name]) for row in self.rows if name in row and _X in row] for name in names}
        return line_chart(title, series, "training images")


def _parse(line: str) -> dict[str, float]:
    """Return the numbers of a line; empty if it holds none."""
    try:
        values = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
