"""Find pairs with the same or nearly the same content."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import cv2
import numpy as np

from pix2style.images import Image8
from pix2style.pairs.check.suspicion import PairIdentity, Suspicion

# pHash (Zauner, Implementation and benchmarking of perceptual image hash functions, 2010): the signs of the 8x8 lowest
# frequencies of an image of 32x32 pixels.
_HASH_SIDE_PX = 32
_HASH_FREQUENCIES = 8
_HASH_BITS = 64
_MAX_DIFFERENT_BITS = 3
_BAND_BITS = 16
# Images with less contrast than this standard deviation have no meaningful hash.
_MIN_STD = 4.0


class DuplicateFinder:
    """Find duplicate contents among pairs that are added one by one."""

    def __init__(self) -> None:
        self._by_content: dict[tuple[str, int], PairIdentity] = {}
        self._hashes: dict[str, tuple[int, PairIdentity]] = {}

    def add(self, pair: PairIdentity, content: Image8) -> Suspicion | None:
        """Add a pair; return a suspicion if an earlier pair of the same style has the same content.

        Args:
            pair: Identity of the pair.
            content: Content of the pair, uint8 [height, width, 3].
        """
        first = self._by_content.setdefault((pair.content_sha256, pair.style), pair)
        if first.shares_photo_with(pair):
            return None  # a variant that equals its photo or another variant by chance: rare and harmless
        if first is not pair:
            target = "and target" if first.target_sha256 == pair.target_sha256 else "with another target"
            return pair.suspicion("duplicate", f"has the same content {target} as {first.source}")
        if content.std() > _MIN_STD and pair.content_sha256 not in self._hashes:
            self._hashes[pair.content_sha256] = (perceptual_hash(content), pair)
        return None

    def near_duplicates(self) -> list[Suspicion]:
        """Return the pairs whose content nearly equals that of an earlier pair.

        Hashes are compared only if they agree in one of four bands of 16 bits, which saves comparing all of them with
        each other and misses nothing: hashes that differ in at most 3 bits agree in at least one of the bands.
        """
        suspicions: dict[tuple[str, str], Suspicion] = {}
        for band in range(_HASH_BITS // _BAND_BITS):
            buckets: dict[int, list[tuple[int, PairIdentity]]] = defaultdict(list)
            for value, pair in self._hashes.values():
                buckets[value >> band * _BAND_BITS & (1 << _BAND_BITS) - 1].append((value, pair))
            for bucket in buckets.values():
                for (first_hash, first), (second_hash, second) in combinations(bucket, 2):
                    is_near = (first_hash ^ second_hash).bit_count() <= _MAX_DIFFERENT_BITS
                    if is_near and not first.shares_photo_with(second):
                        suspicions.setdefault((first.key, second.key), _near_duplicate(first, second))
        return list(suspicions.values())


def perceptual_hash(rgb: Image8) -> int:
    """Compute a hash of 64 bits that nearly equal images, [height, width, 3], share except for a few bits."""
    grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32)
    reduced = cv2.resize(grey, (_HASH_SIDE_PX, _HASH_SIDE_PX), interpolation=cv2.INTER_AREA)
    low_frequencies = np.asarray(cv2.dct(reduced))[:_HASH_FREQUENCIES, :_HASH_FREQUENCIES].ravel()
    bits = low_frequencies > np.median(low_frequencies)
    return int("".join("1" if bit else "0" for bit in bits), 2)


def _near_duplicate(first: PairIdentity, second: PairIdentity) -> Suspicion:
    text = f"looks nearly like {first.source}"
    if first.split != second.split:
        text += f", which is in the other split {first.split}"
    return second.suspicion("near-duplicate", text)
