"""Describe pairs that a network should perhaps not be trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pix2style.pairs.format.records import PairEntry, Split, StoredPair, strip_variant_suffix


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A reason why a person should look at a pair.

    Attributes:
        kind: shifted, mirrored, rotated, scaled, mismatched, duplicate or near-duplicate.
        key: Key of the pair.
        source: Source of the pair.
        text: Description for people.
    """

    kind: str
    key: str
    source: str
    text: str

    @property
    def is_serious(self) -> bool:
        """Whether the pair would teach something wrong; near duplicates are only worth knowing."""
        return self.kind != "near-duplicate"

    def __str__(self) -> str:
        return f"{self.source} (pair {self.key}): {self.text}"

    def to_json(self) -> dict[str, Any]:
        """Return the suspicion for `--json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PairIdentity:
    """What identifies a pair and its images.

    Attributes:
        key: Key of the pair.
        source: Source of the pair, for people.
        split: Split of the pair.
        style: Id of the pair's style.
        content_sha256: SHA-256 of the content's pixels or file; equal for equal contents.
        target_sha256: SHA-256 of the target's pixels or file; equal for equal targets.
        photo_sha256: SHA-256 of the photo's file, or None if it is unknown.
    """

    key: str
    source: str
    split: Split
    style: int
    content_sha256: str
    target_sha256: str
    photo_sha256: str | None = None

    def suspicion(self, kind: str, text: str) -> Suspicion:
        """Create a suspicion about this pair."""
        return Suspicion(kind, self.key, self.source, text)

    def shares_photo_with(self, other: PairIdentity) -> bool:
        """Return whether the two pairs are variants of the same photo, or one is the photo itself."""
        if self.source == other.source or strip_variant_suffix(self.source) != strip_variant_suffix(other.source):
            return False
        return self.photo_sha256 is not None and self.photo_sha256 == other.photo_sha256


def identify_pair(pair: PairEntry | StoredPair) -> PairIdentity:
    """Return the identity of a pair of a set."""
    if isinstance(pair, StoredPair):
        digests = (pair.content_sha256, pair.target_sha256)
    else:
        digests = (pair.content.sha256, pair.target.sha256)
    return PairIdentity(pair.key, pair.source, pair.split, pair.style, *digests, photo_sha256=pair.sha256)
