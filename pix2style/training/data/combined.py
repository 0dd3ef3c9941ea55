"""Combine the experiment's pair set with pairs that a trained run made for distillation."""

from __future__ import annotations

from pix2style.files import sha256_json
from pix2style.images import Image8
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS, PairEntry, Split


class CombinedPairs:
    """Read the pairs of two pair sets from where they are; nothing is copied.

    Validation and test pairs are those of the main set. All pairs of the extra set are training pairs, except for
    photos that the main set also holds, in any split: such a pair would be used twice, or its photo would be a held-out
    photo that was trained on.

    Args:
        main: Pair set of the experiment.
        extra: Pair set of one style, made by a trained run (`distill.painted`).
        min_side_px: Extra pairs with a smaller height or width are left out.

    Attributes:
        folder: Folder of the main set.
        manifest: Manifest of the main set.
        digest: Digest of both sets, SHA-256 in hexadecimal.
        too_small: Number of extra pairs that were left out because of `min_side_px`.
    """

    def __init__(self, main: PairReader, extra: PairReader, *, min_side_px: int) -> None:
        self.folder, self.manifest = main.folder, main.manifest
        self.digest = sha256_json([main.digest, extra.digest])
        self._main, self._extra = main, extra
        main_photos = photo_digests(main)
        new = [entry for entry in extra.entries("train") if entry.sha256 not in main_photos]
        self._extra_entries = [entry for entry in new if min(entry.height_px, entry.width_px) >= min_side_px]
        self.too_small = len(new) - len(self._extra_entries)
        self._extra_photos = frozenset(entry.sha256 for entry in self._extra_entries)

    def entries(self, split: Split, style: int | None = None) -> list[PairEntry]:
        """Return the pairs of a split; see `PairReader.entries`. `style` is an id of the main set."""
        return self._main.entries(split, style) + (self._extra_entries if split == "train" else [])

    def read(self, entry: PairEntry) -> tuple[Image8, Image8]:
        """Read photo and target of a pair; see `PairReader.read`."""
        return self._reader(entry).read(entry)

    def read_content(self, entry: PairEntry) -> Image8:
        """Read the photo of a pair only."""
        return self._reader(entry).read_content(entry)

    def _reader(self, entry: PairEntry) -> PairReader:
        # The photo decides, because no photo is in both lists.
        return self._extra if entry.sha256 in self._extra_photos else self._main


def photo_digests(pairs: PairReader) -> frozenset[str]:
    """Return the digests of the photo files of a pair set, of all splits and styles."""
    return frozenset(entry.sha256 for split in SPLITS for entry in pairs.entries(split))
