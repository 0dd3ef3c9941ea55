"""The report of `pix2style eval --steady`: typed records that are written as JSON, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pix2style.evaluation.report import DatasetRecord, FailedPhoto
from pix2style.evaluation.table import table_lines
from pix2style.pairs.format.manifest import TeacherRecord
from pix2style.plural import counted


class _Record(BaseModel):
    """Base of the records: immutable, and without infinities and NaN, which JSON does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class ClipFigures(_Record):
    """Figures on rendered clips with known motion, in levels of 255."""

    warping_error: float
    """RMS difference between each frame and the one before it, moved along with the scene."""
    flicker: float
    """The same for the mean levels of blocks of 16 x 16 pixels."""


class PartialShiftFigures(_Record):
    """Figures of a pan by a part of a pixel for each frame, in levels of 255."""

    difference: float
    """RMS difference between the stylized shifted photo and the shifted stylized photo."""
    change: float
    """RMS difference between a stylized frame and the one before."""


class SteadinessRow(_Record):
    """Figures of one stylizer in one mode."""

    name: str
    identity: TeacherRecord
    """Name and digest of the stylizer."""
    mode: str
    """How much was done for steadiness: off, lock or full."""
    shifts: dict[str, float]
    """For pans by whole pixels: RMS difference between the stylized shifted photo and the shifted stylized photo, in
    levels; by the shift in pixels."""
    partial_shifts: dict[str, PartialShiftFigures]
    """The same for parts of a pixel."""
    noise_gain: float
    """Change between frames of a photo at rest with noise: RMS out / RMS in."""
    deviation: float
    """Standard deviation of the stylized photos, in levels."""
    clip: ClipFigures | None
    """Figures on the rendered clips; None if the photos are too small for a clip."""


class SteadinessReport(_Record):
    """All figures of an evaluation of steadiness. Means over photos."""

    schema_version: Literal[1] = 1
    material: DatasetRecord
    """The photos that were evaluated."""
    stylizers: tuple[SteadinessRow, ...]
    """Figures of each stylizer in each mode, in the order in which they were named."""
    photo_change: dict[str, float]
    """How much the photos themselves change in a pan by parts of a pixel, RMS in levels; by the shift in pixels."""
    photo_clip: ClipFigures | None
    """Figures of the rendered clips themselves: what resampling and rounding leave."""
    clips: int
    """Number of rendered clips."""
    settings: dict[str, str | int | float]
    """Settings of the measures."""
    notes: tuple[str, ...]
    """Remarks that a reader of the figures has to know."""
    failures: tuple[FailedPhoto, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values that JSON can hold."""
        return self.model_dump(mode="json")


def render_steadiness(report: SteadinessReport) -> str:
    """Return the figures as a table, followed by what they mean."""
    whole = [f"{shift} px" for shift in report.stylizers[0].shifts]
    partial = [f"{shift} px" for shift in report.photo_change]
    headings = ["mode", *whole, *partial, "noise", "deviation", "warping", "flicker"]
    rows = [_cells(row) for row in report.stylizers]
    photo = ["photo", "", *("" for _ in whole), *(f"{value:.1f}" for value in report.photo_change.values()), "1.00", ""]
    lines = table_lines(headings, [*rows, [*photo, *_clip_cells(report.photo_clip)]])
    return "\n".join([*lines, *_footer(report)])


def _cells(row: SteadinessRow) -> list[str]:
    partial = [f"{shift.difference:.1f} ({shift.change:.1f})" for shift in row.partial_shifts.values()]
    whole = [f"{value:.1f}" if value else "0" for value in row.shifts.values()]
    return [
        row.name,
        row.mode,
        *whole,
        *partial,
        f"{row.noise_gain:.2f}",
        f"{row.deviation:.0f}",
        *_clip_cells(row.clip),
    ]


def _clip_cells(clip: ClipFigures | None) -> Sequence[str]:
    return ("-", "-") if clip is None else (f"{clip.warping_error:.1f}", f"{clip.flicker:.1f}")


def _footer(report: SteadinessReport) -> list[str]:
    dataset = report.material
    source = f"{dataset.split} split of {dataset.name}" if dataset.split else dataset.name
    lines = [
        f"{counted(dataset.photos, 'photo')} ({source}), {counted(report.clips, 'rendered clip')}; levels of 255",
        "px: difference between the stylized shifted photo and the shifted stylized photo, RMS, borders left out",
        "    for parts of a pixel also, in brackets, the change between the frames; row photo: the photo's own change",
        "noise: change between noisy frames of a photo at rest, out / in; deviation: of the stylized photos",
        "warping: change along the known motion of a rendered clip; flicker: the same of blocks' brightness",
    ]
    lines += [f"note: {note}" for note in report.notes]
    return lines + [f"failed: {failure.name}: {failure.reason}" for failure in report.failures]
