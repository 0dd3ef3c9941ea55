"""A pair set at a glance: a sheet of pictures, and what it holds in figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from pix2style.errors import DataError
from pix2style.images import Image8, fit_within, sheet
from pix2style.pairs.check.suspicion import PairInspector, Suspicion, identify_pair
from pix2style.pairs.format.manifest import SPLITS, PairEntry, Split
from pix2style.pairs.format.reader import PairReader
from pix2style.progress import ProgressCallback

_CELL_PX = 192
_PAIRS_PER_ROW = 3
_WHITE = 255
_SHOWN_SIZES = 5


@dataclass(frozen=True, slots=True)
class PairSetSummary:
    """A set in figures.

    Attributes:
        name: of its folder.
        sha256: its digest.
        teachers: name and number of pairs of each style.
        splits: pairs per split.
        variants: of each photo of train, besides the photo.
        sizes: `WIDTHxHEIGHT` and how many pairs have it, the most frequent first.
        picture_format: png or jpeg.
        failures: how many photos gave no pair, by kind of reason.
        duplicates: files that were left out because another one has the same content.
        content_bytes: of all content pictures.
        target_bytes: of all target pictures.
    """

    name: str
    sha256: str
    teachers: tuple[tuple[str, int], ...]
    splits: dict[str, int]
    variants: int
    sizes: tuple[tuple[str, int], ...]
    picture_format: str
    failures: dict[str, int]
    duplicates: int
    content_bytes: int
    target_bytes: int

    def lines(self) -> list[str]:
        """For people."""
        total = sum(self.splits.values())
        counts = ", ".join(f"{name} {count}" for name, count in self.splits.items())
        sizes = ", ".join(f"{size} ({count})" for size, count in self.sizes[:_SHOWN_SIZES])
        more = f" and {len(self.sizes) - _SHOWN_SIZES} more sizes" if len(self.sizes) > _SHOWN_SIZES else ""
        lines = [f"{self.name}: {total} pairs ({counts})"]
        lines += [f"  style {i}     {name}: {count} pairs" for i, (name, count) in enumerate(self.teachers)]
        lines += [f"  variants    {self.variants} of each train photo"] if self.variants else []
        lines += [
            f"  pictures    {self.picture_format}, {sizes}{more}",
            f"  size        {_megabytes(self.content_bytes)} MB content, {_megabytes(self.target_bytes)} MB target",
            f"  duplicates  {self.duplicates} files left out",
            f"  failed      {sum(self.failures.values())}",
        ]
        lines += [f"    {count} times: {reason}" for reason, count in self.failures.items()]
        return [*lines, f"  digest      {self.sha256}"]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "set": self.name,
            "sha256": self.sha256,
            "pairs": self.splits,
            "variants": self.variants,
            "styles": [{"teacher": name, "pairs": count} for name, count in self.teachers],
            "sizes": dict(self.sizes),
            "format": self.picture_format,
            "failures_by_reason": self.failures,
            "duplicates": self.duplicates,
            "content_bytes": self.content_bytes,
            "target_bytes": self.target_bytes,
        }


def summarize_pairs(reader: PairReader) -> PairSetSummary:
    """What a set holds; reads no picture."""
    entries = [entry for split in SPLITS for entry in reader.entries(split)]
    styles = Counter(entry.style for entry in entries)
    sizes = Counter(f"{entry.width_px}x{entry.height_px}" for entry in entries)
    manifest = reader.manifest
    return PairSetSummary(
        name=str(reader.folder),
        sha256=reader.digest,
        teachers=tuple((teacher.name, styles[i]) for i, teacher in enumerate(manifest.teachers)),
        splits=manifest.pairs.model_dump(),
        variants=manifest.variants,
        sizes=tuple(sizes.most_common()),
        picture_format=manifest.format,
        failures=dict(manifest.statistics.failures_by_reason),
        duplicates=len(manifest.duplicates),
        content_bytes=manifest.statistics.content_bytes,
        target_bytes=manifest.statistics.target_bytes,
    )


def contact_sheet(reader: PairReader, *, split: Split | None = None, count: int = 24, seed: int = 0) -> Image8:
    """Some pairs, drawn by chance, three in a row: photo, target, photo, target, ...

    Args:
        reader: the set.
        split: only of this one; None: of all.
        count: how many, at most.
        seed: other seeds draw other pairs.

    Returns:
        uint8 [height, width, 3].

    Raises:
        DataError: the split is empty, or a pair is damaged.
    """
    entries = [entry for one in SPLITS if split in (None, one) for entry in reader.entries(one)]
    if not entries:
        raise DataError(f"{reader.folder}: its {split} split is empty: name another one")
    places = np.random.default_rng(seed).permutation(len(entries))[:count]
    cells = [_cell(part) for i in sorted(places.tolist()) for part in reader.read(entries[i])]
    columns = 2 * min(_PAIRS_PER_ROW, len(places))
    cells += [np.full((_CELL_PX, _CELL_PX, 3), _WHITE, np.uint8)] * (-len(cells) % columns)
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    return sheet(rows, ["photo", "target"] * (columns // 2))


def find_suspicious_pairs(reader: PairReader, on_progress: ProgressCallback) -> list[Suspicion]:
    """Pairs that a person should look at; reads all pictures.

    Raises:
        DataError: a pair is damaged.
    """
    entries: list[PairEntry] = [entry for split in SPLITS for entry in reader.entries(split)]
    judge = PairInspector()
    for done, entry in enumerate(entries):
        on_progress(done, len(entries))
        judge.add(identify_pair(entry), *reader.read(entry))
    on_progress(len(entries), len(entries))
    return judge.finish()


def _cell(rgb: Image8) -> Image8:
    """A picture in the middle of a white square."""
    small = fit_within(rgb, _CELL_PX)
    height, width = small.shape[:2]
    cell = np.full((_CELL_PX, _CELL_PX, 3), _WHITE, np.uint8)
    top, left = (_CELL_PX - height) // 2, (_CELL_PX - width) // 2
    cell[top : top + height, left : left + width] = small
    return cell


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"
