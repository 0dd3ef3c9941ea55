"""Two pair sets as one: that of the experiment, and photos that a trained run painted besides."""

from __future__ import annotations

from pix2style.files import sha256_json
from pix2style.images import Image8
from pix2style.pairs.format.manifest import PairEntry, Split
from pix2style.pairs.format.reader import PairReader


class CombinedPairs:
    """Reads the pairs of both sets where they lie; nothing is copied.

    Only the first set's held-out photos are looked at. Of the second, every pair is one to train on, but for photos
    that the first one holds too, in any split: they would be learned twice, or looked at after being learned.

    Args:
        pairs: of the experiment.
        painted: of one style.
        least_px: a painted pair that is not as high and wide is left out.

    Attributes:
        folder: of the first set.
        manifest: of the first set.
        digest: of both.
        too_small: painted pairs that were left out for their size.
    """

    def __init__(self, pairs: PairReader, painted: PairReader, *, least_px: int) -> None:
        self.folder, self.manifest = pairs.folder, pairs.manifest
        self.digest = sha256_json([pairs.digest, painted.digest])
        self._pairs, self._painted = pairs, painted
        known = photo_digests(pairs)
        others = [entry for entry in painted.entries("train") if entry.sha256 not in known]
        self._more = [entry for entry in others if min(entry.height_px, entry.width_px) >= least_px]
        self.too_small = len(others) - len(self._more)
        self._painted_photos = frozenset(entry.sha256 for entry in self._more)

    def entries(self, split: Split, style: int | None = None) -> list[PairEntry]:
        """The pairs of a split, as `PairReader.entries`; `style` is one of the first set's."""
        return self._pairs.entries(split, style) + (self._more if split == "train" else [])

    def read(self, entry: PairEntry) -> tuple[Image8, Image8]:
        """The photo and what was painted of it, as `PairReader.read`."""
        return self._reader(entry).read(entry)

    def read_content(self, entry: PairEntry) -> Image8:
        """The photo alone."""
        return self._reader(entry).read_content(entry)

    def _reader(self, entry: PairEntry) -> PairReader:
        # no photo is in both
        return self._painted if entry.sha256 in self._painted_photos else self._pairs


def photo_digests(pairs: PairReader) -> frozenset[str]:
    """Digests of the photos' files, of all splits and styles."""
    splits: tuple[Split, ...] = ("train", "val", "test")
    return frozenset(entry.sha256 for split in splits for entry in pairs.entries(split))
