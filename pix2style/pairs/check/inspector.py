"""Find pairs that a network should perhaps not be trained on: misaligned, mismatched or duplicate ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pix2style.images import Image8
from pix2style.pairs.check.alignment import FOUND_SCORE, measure_alignment
from pix2style.pairs.check.duplicates import DuplicateFinder
from pix2style.pairs.check.edge_field import EdgeField, correlate, edge_field
from pix2style.pairs.check.suspicion import PairIdentity, Suspicion

# A pair is suspected below this score. Styles that dissolve edges score low for matching images, too
# (benchmarks/results/pair_alignment.md), so the score must also be below this share of the set's typical score.
_LOW_SCORE = 5.0
_LOW_SHARE_OF_TYPICAL = 0.4
_MIN_PAIRS_FOR_TYPICAL = 8
# Another content has to exceed the score of a pair's own content by this factor.
_REQUIRED_GAIN = 1.5
# Their edge fields are kept in memory, so their number is limited.
_MAX_LOW_SCORE_PAIRS = 64


@dataclass(frozen=True, slots=True)
class _LowScorePair:
    """A pair whose target may belong to another content."""

    pair: PairIdentity
    score: float
    content: EdgeField
    target: EdgeField


class PairInspector:
    """Inspect pairs one by one, and list the suspicious ones at the end.

    Memory holds a few numbers for each pair, and the edge fields of a limited number of pairs.
    """

    def __init__(self) -> None:
        self._suspicions: list[Suspicion] = []
        self._scores: list[float] = []
        self._low_scores: list[tuple[float, PairIdentity]] = []
        self._low_score_pairs: list[_LowScorePair] = []
        self._duplicates = DuplicateFinder()

    def add(self, pair: PairIdentity, content: Image8, target: Image8) -> None:
        """Inspect one pair.

        Args:
            pair: Identity of the pair.
            content: Content, uint8 [height, width, 3].
            target: Target, uint8 of the same shape.
        """
        duplicate = self._duplicates.add(pair, content)
        if duplicate is not None:
            self._suspicions.append(duplicate)
        result = measure_alignment(content, target)
        if result.misalignment is not None:
            self._suspicions.append(pair.suspicion(result.misalignment.problem, result.misalignment.text))
        elif not math.isnan(result.score):
            self._scores.append(result.score)
            if result.score < FOUND_SCORE:
                self._low_scores.append((result.score, pair))
                if result.score < _LOW_SCORE and len(self._low_score_pairs) < _MAX_LOW_SCORE_PAIRS:
                    fields = edge_field(content), edge_field(target)
                    self._low_score_pairs.append(_LowScorePair(pair, result.score, *fields))

    def finish(self) -> list[Suspicion]:
        """Return all suspicions, the most serious ones first."""
        return [*self._suspicions, *self._mismatched(), *self._duplicates.near_duplicates()]

    def _mismatched(self) -> list[Suspicion]:
        """Return the pairs whose target does not belong to their content.

        They score far below the typical score of the set, or another content fits their target better.
        """
        typical = float(np.median(self._scores)) if self._scores else 0.0
        has_typical = len(self._scores) >= _MIN_PAIRS_FOR_TYPICAL
        limit = min(_LOW_SCORE, _LOW_SHARE_OF_TYPICAL * typical) if has_typical else 0.0
        suspicions = {
            pair.key: pair.suspicion(
                "mismatched",
                f"the target does not seem to belong to this content: their edges agree with a score of {score:.1f}"
                f" (typical for this set: {typical:.1f})",
            )
            for score, pair in self._low_scores
            if score < limit
        }
        for candidate in self._low_score_pairs:
            match = self._better_content(candidate)
            if match is not None:
                text = f"the target belongs to the content of {match.source} (pair {match.key}), not to its own"
                suspicions[candidate.pair.key] = candidate.pair.suspicion("mismatched", text)
        return list(suspicions.values())

    def _better_content(self, candidate: _LowScorePair) -> PairIdentity | None:
        """Return the low-score pair whose content fits the target of `candidate` clearly better, or None."""
        size = (candidate.target.height_px, candidate.target.width_px)
        scores = [
            (correlate(other.content, candidate.target).score, other.pair)
            for other in self._low_score_pairs
            if other is not candidate
            and other.pair.content_sha256 != candidate.pair.content_sha256
            and (other.content.height_px, other.content.width_px) == size
        ]
        score, pair = max(scores, key=lambda score_and_pair: score_and_pair[0], default=(0.0, None))
        return pair if score >= max(FOUND_SCORE, _REQUIRED_GAIN * candidate.score) else None
