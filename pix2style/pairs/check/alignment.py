"""Whether a target lies on its content, point for point: found from the edges, which every style keeps.

Colours, brightness and even the sign of an edge change with a style; where edges run, and in which direction, hardly
does. So each picture becomes a field of doubled edge directions, `(gx + i gy)^2 / (|g| + mean |g|)`: doubling makes an
edge from dark to bright equal to one from bright to dark (Granlund, In search of a general picture processing operator,
CGIP 1978, https://doi.org/10.1016/0146-664X(78)90047-3). The cross-correlation of two such fields, by FFT, has its peak
where one lies best on the other. Its height is told in standard deviations of all other shifts (`score`), which need
no threshold for a teacher. benchmarks/pair_alignment.py measures what is found and what is found wrongly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8

Problem = Literal["shifted", "mirrored", "rotated", "scaled", "mismatched"]
_Field = NDArray[np.complexfloating[Any, Any]]

SIDE_PX = 256
"""Pictures are compared with their longer side at this, if it is longer."""
SMALLEST_PX = 64
"""Below this side there are too few edges to judge by."""
SHIFT_PX = 1.5
"""At `SIDE_PX`: a larger shift is found. Styles with very broad strokes can move edges so far themselves."""
_BLUR_PX = 1.0
_REACH = 0.2  # of the side: the largest shift that is looked for
_NEAR_PX = 2
# In standard deviations. All calibrated on pairs of real teachers: benchmarks/results/pair_alignment.md.
SURE_SCORE = 12.0
"""An unmoved pair with this score needs no second look."""
FOUND_SCORE = 7.0
"""What explains a pair better than lying as it should needs this score at least ..."""
_BETTER = 1.4  # ... and this much more than the pair as it lies
_SCALES = (0.8, 0.9, 0.95, 1.05, 1.1, 1.25)


@dataclass(frozen=True, slots=True)
class EdgeField:
    """A picture, ready to be compared.

    Attributes:
        spectrum: FFT of its field of edges on a square of `SIDE_PX`, unit energy.
        height_px: of the picture as compared.
        width_px: of the picture as compared.
        scale: stored pixels per compared pixel.
    """

    spectrum: _Field
    height_px: int
    width_px: int
    scale: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """How well a target lies on a content.

    Attributes:
        score: of the content as it lies (up to 2 pixels away), in standard deviations.
        peak: of the best shift.
        dx_px: of the best shift to the right, in stored pixels.
        dy_px: of the best shift downwards, in stored pixels.
        compared_px: the longer part of that shift, in compared pixels.
    """

    score: float
    peak: float
    dx_px: float
    dy_px: float
    compared_px: float


@dataclass(frozen=True, slots=True)
class Misalignment:
    """What is wrong with a pair's geometry.

    Attributes:
        problem: of which kind.
        text: for people, for example `the target is shifted by (8, 0) px against its content`.
        score: of the explanation, in standard deviations.
    """

    problem: Problem
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class AlignmentResult:
    """One pair, looked at.

    Attributes:
        score: of the pair as it lies, see `Correlation`; NaN if it was too small or too flat to judge.
        misalignment: what is wrong, if anything.
    """

    score: float
    misalignment: Misalignment | None = None


def edge_field(rgb: Image8) -> EdgeField:
    """The edges of a picture.

    Args:
        rgb: uint8 [height, width, 3].
    """
    scale = max(1.0, max(rgb.shape[:2]) / SIDE_PX)
    if scale > 1:
        size = tuple(max(1, round(side / scale)) for side in rgb.shape[1::-1])
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    field = _directions(rgb)
    height, width = field.shape
    energy = float(np.sqrt(np.sum(np.abs(field) ** 2)))
    spectrum = np.fft.fft2(field / max(energy, 1e-6), s=(SIDE_PX, SIDE_PX)).astype(np.complex64)
    return EdgeField(spectrum, height, width, scale)


def correlate(content: EdgeField, target: EdgeField) -> Correlation:
    """Correlate two pictures of one size."""
    surface = np.fft.ifft2(np.conj(content.spectrum) * target.spectrum).real
    surface = np.fft.fftshift(surface)
    rows, columns = (int(_REACH * side) for side in (target.height_px, target.width_px))
    spread = float(_around(surface, target.height_px // 2, target.width_px // 2).std()) + 1e-9
    window = _around(surface, rows, columns) / spread
    row, column = np.unravel_index(int(window.argmax()), window.shape)
    down, right = int(row) - rows, int(column) - columns
    score = float(_around(surface, _NEAR_PX, _NEAR_PX).max()) / spread
    scale = target.scale
    return Correlation(score, float(window.max()), right * scale, down * scale, float(max(abs(down), abs(right))))


def measure_alignment(content: Image8, target: Image8) -> AlignmentResult:
    """Look for a shift, a mirroring, a rotation or another scale of the target against its content.

    The pair as it lies comes first; only one that is not surely right is compared with the other explanations.

    Args:
        content: uint8 [height, width, 3].
        target: uint8 of the same shape.
    """
    if min(content.shape[:2]) < SMALLEST_PX:
        return AlignmentResult(float("nan"))
    painted = edge_field(target)
    as_it_lies = correlate(edge_field(content), painted)
    if as_it_lies.score >= SURE_SCORE and as_it_lies.compared_px <= SHIFT_PX:
        return AlignmentResult(as_it_lies.score)
    return AlignmentResult(as_it_lies.score, _explanation(content, painted, as_it_lies))


def _explanation(content: Image8, target: EdgeField, as_it_lies: Correlation) -> Misalignment | None:
    found = []
    if as_it_lies.compared_px > SHIFT_PX:
        found.append(_shift(as_it_lies))
    for problem, text, change in _changes(content):
        changed = correlate(edge_field(change(content)), target)
        found.append(Misalignment(problem, text, changed.score))  # turned and shifted at once is nothing that happens
    best = max(found, key=lambda finding: finding.score)
    # A shift of two pixels leaves much of the peak where it was, so it only has to be the peak.
    needed = FOUND_SCORE if best.problem == "shifted" else max(FOUND_SCORE, _BETTER * as_it_lies.peak)
    if best.score < needed and found[0].problem == "shifted":
        best, needed = found[0], FOUND_SCORE
    return best if best.score >= needed else None


def _shift(of: Correlation) -> Misalignment:
    text = f"the target is shifted by ({of.dx_px:.0f}, {of.dy_px:.0f}) px (right, down) against its content"
    return Misalignment("shifted", text, of.peak)


def _changes(content: Image8) -> list[tuple[Problem, str, Callable[[Image8], Image8]]]:
    """What may have been done to a target: the same, done to the content, then lies on it."""
    changes: list[tuple[Problem, str, Callable[[Image8], Image8]]] = [
        ("mirrored", "the target is mirrored left to right", lambda rgb: rgb[:, ::-1]),
        ("mirrored", "the target is mirrored top to bottom", lambda rgb: rgb[::-1]),
        ("rotated", "the target is rotated by 180 degrees", lambda rgb: rgb[::-1, ::-1]),
    ]
    if content.shape[0] == content.shape[1]:
        changes.append(("rotated", "the target is rotated by 90 degrees to the left", np.rot90))
        changes.append(("rotated", "the target is rotated by 90 degrees to the right", lambda rgb: np.rot90(rgb, 3)))
    for scale in _SCALES:
        what = "enlarged and cut" if scale > 1 else "smaller, with a border"
        text = f"the target is scaled by about {scale:g} against its content ({what})"
        changes.append(("scaled", text, lambda rgb, by=scale: _scaled(rgb, by)))  # type: ignore[misc]
    return changes


def _scaled(rgb: Image8, scale: float) -> Image8:
    """Scaled around the middle, in the same frame."""
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, scale)
    return cv2.warpAffine(rgb, turn, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[return-value]


def _directions(rgb: Image8) -> _Field:
    grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), _BLUR_PX).astype(np.float32)
    right, down = (cv2.Scharr(grey, cv2.CV_32F, dx, dy) / 32 for dx, dy in ((1, 0), (0, 1)))
    strength = np.hypot(right, down)
    field: _Field = (right + 1j * down) ** 2 / (strength * (strength + strength.mean()) + 1e-3)
    height, width = grey.shape
    # Fades out towards the borders, which otherwise are the strongest edge of both pictures.
    fade = np.sqrt(np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]))
    faded: _Field = (field - field.mean()) * fade
    return faded


def _around(surface: NDArray[np.floating[Any]], rows: int, columns: int) -> NDArray[np.floating[Any]]:
    """The middle of a shifted surface: `rows` up and down, `columns` left and right."""
    y, x = (side // 2 for side in surface.shape)
    return surface[max(0, y - rows) : y + rows + 1, max(0, x - columns) : x + columns + 1]
