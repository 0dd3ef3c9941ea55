"""Pairs that a network should not learn from: misaligned, mismatched, or twice the same content.

A set is looked at pair by pair; memory holds a few numbers of each, and the edges of a bounded number of doubtful ones.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import cv2
import numpy as np

from pix2style.images import Image8
from pix2style.pairs.check.alignment import FOUND_SCORE, EdgeField, correlate, edge_field, measure_alignment
from pix2style.pairs.format.manifest import PairEntry, Split, StoredPair, strip_variant_suffix

# Styles that dissolve edges score low with the right photo, too (benchmarks/results/pair_alignment.md), so the typical
# score of the set counts as well.
_LOW_SCORE = 5.0
_LOW_SHARE = 0.4
_MUCH_BETTER = 1.5
_DOUBTFUL_KEPT = 64
_PAIRS_FOR_TYPICAL = 8
# pHash (Zauner, Implementation and benchmarking of perceptual image hash functions, 2010): signs of the 8x8 lowest
# frequencies of a 32x32 picture. Pictures of fewer than 4 different signs are taken for one another.
_HASH_SIDE_PX = 32
_HASH_LOW = 8
_NEAR_BITS = 3
_BAND_BITS = 16
_FLAT_LEVELS = 4.0


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One pair that a person should look at.

    Attributes:
        kind: shifted, mirrored, rotated, scaled, mismatched, duplicate or near-duplicate.
        key: of the pair.
        source: of the pair.
        text: what was found.
    """

    kind: str
    key: str
    source: str
    text: str

    @property
    def is_serious(self) -> bool:
        """Whether the pair teaches something wrong; a near duplicate is only worth knowing."""
        return self.kind != "near-duplicate"

    def __str__(self) -> str:
        return f"{self.source} (pair {self.key}): {self.text}"

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PairIdentity:
    """Who a pair is.

    Attributes:
        key: names the pair.
        source: for people.
        split: that it is in.
        style: its style's id.
        content_sha256: of the content picture's pixels or file; equal for equal contents.
        target_sha256: likewise.
        photo_sha256: of the photo's file, where that is known.
    """

    key: str
    source: str
    split: Split
    style: int
    content_sha256: str
    target_sha256: str
    photo_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class _Doubtful:
    who: PairIdentity
    score: float
    content: EdgeField
    target: EdgeField


class PairInspector:
    """Looks at one pair after the other, and at the end says which are suspicious."""

    def __init__(self) -> None:
        self._found: list[Suspicion] = []
        self._scores: list[float] = []
        self._low: list[tuple[float, PairIdentity]] = []
        self._doubtful: list[_Doubtful] = []
        self._by_content: dict[tuple[str, int], PairIdentity] = {}
        self._hashes: dict[str, tuple[int, PairIdentity]] = {}

    def add(self, who: PairIdentity, content: Image8, target: Image8) -> None:
        """Look at one pair: uint8 [height, width, 3] both, of one shape."""
        self._add_duplicate(who, content)
        judgement = measure_alignment(content, target)
        if judgement.misalignment is not None:
            self._found.append(_of(who, judgement.misalignment.problem, judgement.misalignment.text))
        elif not math.isnan(judgement.score):
            self._scores.append(judgement.score)
            if judgement.score < FOUND_SCORE:
                self._low.append((judgement.score, who))
                if judgement.score < _LOW_SCORE and len(self._doubtful) < _DOUBTFUL_KEPT:
                    self._doubtful.append(_Doubtful(who, judgement.score, edge_field(content), edge_field(target)))

    def finish(self) -> list[Suspicion]:
        """What was found, the most serious first."""
        mismatched = self._mismatched()
        return [*self._found, *mismatched, *self._near_duplicates()]

    def _add_duplicate(self, who: PairIdentity, content: Image8) -> None:
        first = self._by_content.setdefault((who.content_sha256, who.style), who)
        if _of_one_photo(first, who):
            return  # a variant that came out like its photo or another variant: rare, and no harm
        if first is not who:
            what = "and target" if first.target_sha256 == who.target_sha256 else "with another target"
            self._found.append(_of(who, "duplicate", f"has the same content {what} as {first.source}"))
        elif content.std() > _FLAT_LEVELS and who.content_sha256 not in self._hashes:
            self._hashes[who.content_sha256] = (perceptual_hash(content), who)

    def _mismatched(self) -> list[Suspicion]:
        """By the set's typical score, and by whose content fits better among the doubtful pairs."""
        typical = float(np.median(self._scores)) if self._scores else 0.0
        bound = min(_LOW_SCORE, _LOW_SHARE * typical) if len(self._scores) >= _PAIRS_FOR_TYPICAL else 0.0
        found = {
            who.key: _of(
                who,
                "mismatched",
                f"the target does not seem to belong to this content: their edges agree at {score:.1f} (the set's"
                f" pairs typically at {typical:.1f})",
            )
            for score, who in self._low
            if score < bound
        }
        for one in self._doubtful:
            better = self._better_content(one)
            if better is not None:
                text = f"the target belongs to the content of {better.source} (pair {better.key}), not to its own"
                found[one.who.key] = _of(one.who, "mismatched", text)
        return list(found.values())

    def _better_content(self, of: _Doubtful) -> PairIdentity | None:
        size = (of.target.height_px, of.target.width_px)
        others = [
            (correlate(other.content, of.target).score, other.who)
            for other in self._doubtful
            if other is not of
            and other.who.content_sha256 != of.who.content_sha256
            and (other.content.height_px, other.content.width_px) == size
        ]
        score, who = max(others, key=lambda other: other[0], default=(0.0, None))
        return who if score >= max(FOUND_SCORE, _MUCH_BETTER * of.score) else None

    def _near_duplicates(self) -> list[Suspicion]:
        """Hashes that differ in 3 of 64 bits at most agree in one of four bands of 16."""
        found: dict[tuple[str, str], Suspicion] = {}
        for band in range(64 // _BAND_BITS):
            buckets: dict[int, list[tuple[int, PairIdentity]]] = defaultdict(list)
            for value, who in self._hashes.values():
                buckets[value >> band * _BAND_BITS & (1 << _BAND_BITS) - 1].append((value, who))
            for bucket in buckets.values():
                for (a, first), (b, second) in combinations(bucket, 2):
                    if (a ^ b).bit_count() <= _NEAR_BITS and not _of_one_photo(first, second):
                        found.setdefault((first.key, second.key), _near(first, second))
        return list(found.values())


def identify_pair(pair: PairEntry | StoredPair) -> PairIdentity:
    """A pair of a set."""
    if isinstance(pair, StoredPair):
        digests = (pair.content_sha256, pair.target_sha256)
    else:
        digests = (pair.content.sha256, pair.target.sha256)
    return PairIdentity(pair.key, pair.source, pair.split, pair.style, *digests, photo_sha256=pair.sha256)


def perceptual_hash(rgb: Image8) -> int:
    """64 bits that nearly equal pictures share: the signs of the lowest frequencies of a tiny grey picture."""
    grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32)
    tiny = cv2.resize(grey, (_HASH_SIDE_PX, _HASH_SIDE_PX), interpolation=cv2.INTER_AREA)
    low = np.asarray(cv2.dct(tiny))[:_HASH_LOW, :_HASH_LOW].ravel()
    bits = low > np.median(low)
    return int("".join("1" if bit else "0" for bit in bits), 2)


def _of_one_photo(first: PairIdentity, second: PairIdentity) -> bool:
    """Whether both are variants of one photo, or one of them is the photo: they may look alike."""
    same_file = (
        strip_variant_suffix(first.source) == strip_variant_suffix(second.source) and first.source != second.source
    )
    return same_file and first.photo_sha256 is not None and first.photo_sha256 == second.photo_sha256


def _of(who: PairIdentity, kind: str, text: str) -> Suspicion:
    return Suspicion(kind, who.key, who.source, text)


def _near(first: PairIdentity, second: PairIdentity) -> Suspicion:
    across = f", in split {first.split}, which should not see it" if first.split != second.split else ""
    text = f"looks nearly like {first.source}{across}"
    return _of(second, "near-duplicate", text)
