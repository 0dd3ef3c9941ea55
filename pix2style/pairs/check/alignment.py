"""Find out whether a target is shifted, mirrored, rotated or scaled against its content.

The images are compared by their edges, see `edge_field`. benchmarks/pair_alignment.py measures how many errors are
found and how many correct pairs are suspected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pix2style.images import Image8
from pix2style.pairs.check.edge_field import Correlation, EdgeField, correlate, edge_field

Problem = Literal["shifted", "mirrored", "rotated", "scaled", "mismatched"]
_Change = tuple[Problem, str, Callable[[Image8], Image8]]

MIN_SIDE_PX = 64
"""Smaller images have too few edges for a result."""
MAX_SHIFT_PX = 1.5
"""Smaller shifts, in pixels of the reduced images, are no error: styles with broad strokes move edges that far."""
# Scores in standard deviations, calibrated on pairs of real teachers: benchmarks/results/pair_alignment.md.
CERTAIN_SCORE = 12.0
"""An unshifted pair with this score is certainly correct."""
FOUND_SCORE = 7.0
"""A geometric change explains a pair only if it reaches this score ..."""
_REQUIRED_GAIN = 1.4  # ... and exceeds the unchanged pair by this factor
_SCALES = (0.8, 0.9, 0.95, 1.05, 1.1, 1.25)


@dataclass(frozen=True, slots=True)
class Misalignment:
    """A geometric error of a pair.

    Attributes:
        problem: Kind of the error.
        text: Description for people, for example `the target is shifted by (8, 0) px against its content`.
        score: Score of this explanation in standard deviations.
    """

    problem: Problem
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class AlignmentResult:
    """The result of comparing a content with its target.

    Attributes:
        score: Score of the unchanged pair, see `Correlation`; NaN if the images are too small.
        misalignment: The geometric error, or None if none was found.
    """

    score: float
    misalignment: Misalignment | None = None


def measure_alignment(content: Image8, target: Image8) -> AlignmentResult:
    """Look for a shift, a mirroring, a rotation or a scaling of the target against its content.

    The unchanged pair is compared first. Only if it is not certainly correct, the other explanations are tried.

    Args:
        content: Content, uint8 [height, width, 3].
        target: Target, uint8 of the same shape.
    """
    if min(content.shape[:2]) < MIN_SIDE_PX:
        return AlignmentResult(float("nan"))
    target_field = edge_field(target)
    unchanged = correlate(edge_field(content), target_field)
    if unchanged.score >= CERTAIN_SCORE and unchanged.reduced_px <= MAX_SHIFT_PX:
        return AlignmentResult(unchanged.score)
    return AlignmentResult(unchanged.score, _best_explanation(content, target_field, unchanged))


def _best_explanation(content: Image8, target: EdgeField, unchanged: Correlation) -> Misalignment | None:
    candidates = []
    if unchanged.reduced_px > MAX_SHIFT_PX:
        candidates.append(_shift(unchanged))
    for problem, text, change in _changes(is_square=content.shape[0] == content.shape[1]):
        # Only the score without shift counts: a target that is both turned and shifted does not occur in practice.
        changed = correlate(edge_field(change(content)), target)
        candidates.append(Misalignment(problem, text, changed.score))
    best = max(candidates, key=lambda candidate: candidate.score)
    # A shift only has to be the peak: a shift of two pixels leaves much of the correlation at its old place.
    required = FOUND_SCORE if best.problem == "shifted" else max(FOUND_SCORE, _REQUIRED_GAIN * unchanged.peak)
    if best.score < required and candidates[0].problem == "shifted":
        best, required = candidates[0], FOUND_SCORE
    return best if best.score >= required else None


def _shift(correlation: Correlation) -> Misalignment:
    dx_px, dy_px = correlation.dx_px, correlation.dy_px
    text = f"the target is shifted by ({dx_px:.0f}, {dy_px:.0f}) px (right, down) against its content"
    return Misalignment("shifted", text, correlation.peak)


def _changes(*, is_square: bool) -> list[_Change]:
    """Return possible errors of a target: its kind, its description, and the change of the content that undoes it."""
    changes: list[_Change] = [
        ("mirrored", "the target is mirrored left to right", lambda rgb: rgb[:, ::-1]),
        ("mirrored", "the target is mirrored top to bottom", lambda rgb: rgb[::-1]),
        ("rotated", "the target is rotated by 180 degrees", lambda rgb: rgb[::-1, ::-1]),
    ]
    if is_square:
        changes.append(("rotated", "the target is rotated by 90 degrees to the left", np.rot90))
        changes.append(("rotated", "the target is rotated by 90 degrees to the right", lambda rgb: np.rot90(rgb, 3)))
    for scale in _SCALES:
        effect = "enlarged and cropped" if scale > 1 else "smaller, with a border"
        text = f"the target is scaled by about {scale:g} against its content ({effect})"
        changes.append(("scaled", text, lambda rgb, scale=scale: _scaled(rgb, scale)))  # type: ignore[misc]
    return changes


def _scaled(rgb: Image8, scale: float) -> Image8:
    """Scale an image around its centre without changing its size."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, scale)
    return cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[return-value]
