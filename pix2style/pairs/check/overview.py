"""Summarize a pair set: its figures, and a contact sheet of some pairs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from pix2style.errors import DataError
from pix2style.images import Image8, center_in_square, sheet
from pix2style.pairs.check.inspector import PairInspector
from pix2style.pairs.check.suspicion import Suspicion, identify_pair
from pix2style.pairs.format.manifest import SHARDS_NAME, PairManifest
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS, PairEntry, Split
from pix2style.plural import counted
from pix2style.progress import ProgressCallback

_CELL_PX = 192
_PAIRS_PER_ROW = 3
_WHITE = 255
_SHOWN_SIZES = 5


@dataclass(frozen=True, slots=True)
class PairSetSummary:
    """The figures of a pair set.

    Attributes:
        name: Folder of the set.
        sha256: Digest of the set.
        teachers: Name of the teacher and number of pairs for each style.
        splits: Number of pairs in each split.
        variants: Number of variants of each train photo, in addition to the photo.
        sizes: `WIDTHxHEIGHT` and the number of pairs of that size, the most frequent size first.
        image_format: Format of the images, png or jpeg.
        failures: Number of failures for each kind of reason.
        duplicates: Number of files that were left out because another file has the same bytes.
        shards: Names of the shards of each split; empty if shards mix splits, or for plain folders.
        mixes_splits: Whether shards hold pairs of several splits, as in sets of schema versions 2 and 3.
        content_bytes: Size of all contents in bytes.
        target_bytes: Size of all targets in bytes.
    """

    name: str
    sha256: str
    teachers: tuple[tuple[str, int], ...]
    splits: dict[str, int]
    variants: int
    sizes: tuple[tuple[str, int], ...]
    image_format: str
    failures: dict[str, int]
    duplicates: int
    shards: dict[str, list[str]]
    mixes_splits: bool
    content_bytes: int
    target_bytes: int

    def lines(self) -> list[str]:
        """Return the lines that `pix2style pairs show` prints."""
        total = sum(self.splits.values())
        counts = ", ".join(f"{name} {count}" for name, count in self.splits.items())
        sizes = ", ".join(f"{size} ({count})" for size, count in self.sizes[:_SHOWN_SIZES])
        more = f" and {len(self.sizes) - _SHOWN_SIZES} more sizes" if len(self.sizes) > _SHOWN_SIZES else ""
        lines = [f"{self.name}: {counted(total, 'pair')} ({counts})"]
        lines += [f"  style {i}     {name}: {counted(count, 'pair')}" for i, (name, count) in enumerate(self.teachers)]
        lines += [f"  variants    {self.variants} of each train photo"] if self.variants else []
        lines += [
            f"  images      {self.image_format}, {sizes}{more}",
            f"  size        {_megabytes(self.content_bytes)} MB content, {_megabytes(self.target_bytes)} MB target",
            *self._shard_lines(),
            f"  duplicates  {counted(self.duplicates, 'file')} left out",
            f"  failed      {sum(self.failures.values())}",
        ]
        lines += [f"    {counted(count, 'time')}: {reason}" for reason, count in self.failures.items()]
        return [*lines, f"  digest      {self.sha256}"]

    def _shard_lines(self) -> list[str]:
        """Return the shards of each split as WebDataset takes them: `shards/train-{00000..00007}.tar`."""
        if self.mixes_splits:
            return ["  shards      mix the splits: a program that reads the tar files alone also reads held-out pairs"]
        ranges = [f"{SHARDS_NAME}/{_range(names)}.tar" for names in self.shards.values()]
        return [f"  shards      {', '.join(ranges)}"] if ranges else []

    def to_json(self) -> dict[str, Any]:
        """Return the summary for `--json`."""
        return {
            "set": self.name,
            "sha256": self.sha256,
            "pairs": self.splits,
            "variants": self.variants,
            "styles": [{"teacher": name, "pairs": count} for name, count in self.teachers],
            "sizes": dict(self.sizes),
            "format": self.image_format,
            "failures_by_reason": self.failures,
            "duplicates": self.duplicates,
            "shards": self.shards,
            "content_bytes": self.content_bytes,
            "target_bytes": self.target_bytes,
        }


def _shards_by_split(manifest: PairManifest) -> dict[str, list[str]]:
    shards: dict[str, list[str]] = {}
    for record in manifest.shards:
        if record.split is not None:
            shards.setdefault(record.split, []).append(record.name)
    return shards


def _range(names: list[str]) -> str:
    """Return consecutive names of shards as one pattern with braces."""
    if len(names) == 1:
        return names[0]
    prefix = names[0].removesuffix(names[0].rpartition("-")[2])
    return f"{prefix}{{{names[0].removeprefix(prefix)}..{names[-1].removeprefix(prefix)}}}"


def summarize_pairs(reader: PairReader) -> PairSetSummary:
    """Summarize a pair set without reading its images."""
    entries = [entry for split in SPLITS for entry in reader.entries(split)]
    pairs_of_style = Counter(entry.style for entry in entries)
    sizes = Counter(f"{entry.width_px}x{entry.height_px}" for entry in entries)
    manifest = reader.manifest
    return PairSetSummary(
        name=str(reader.folder),
        sha256=reader.digest,
        teachers=tuple((teacher.name, pairs_of_style[style]) for style, teacher in enumerate(manifest.teachers)),
        splits=manifest.pairs.model_dump(),
        variants=manifest.variants,
        sizes=tuple(sizes.most_common()),
        image_format=manifest.format,
        failures=dict(manifest.statistics.failures_by_reason),
        duplicates=len(manifest.duplicates),
        shards=_shards_by_split(manifest),
        mixes_splits=any(record.split is None for record in manifest.shards),
        content_bytes=manifest.statistics.content_bytes,
        target_bytes=manifest.statistics.target_bytes,
    )


def contact_sheet(reader: PairReader, *, split: Split | None = None, count: int = 24, seed: int = 0) -> Image8:
    """Draw a contact sheet of randomly chosen pairs, three in a row: photo, target, photo, target, ...

    Args:
        reader: The pair set.
        split: Split to choose from, or None for all splits.
        count: Maximum number of pairs.
        seed: Seed of the choice.

    Returns:
        uint8 [height, width, 3].

    Raises:
        DataError: The split is empty, or a pair is damaged.
    """
    entries = [entry for name in SPLITS if split in (None, name) for entry in reader.entries(name)]
    if not entries:
        raise DataError(f"{reader.folder}: its {split} split is empty: choose another split")
    chosen = np.random.default_rng(seed).permutation(len(entries))[:count]
    cells = [center_in_square(image, _CELL_PX) for i in sorted(chosen.tolist()) for image in reader.read(entries[i])]
    columns = 2 * min(_PAIRS_PER_ROW, len(chosen))
    cells += [np.full((_CELL_PX, _CELL_PX, 3), _WHITE, np.uint8)] * (-len(cells) % columns)
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    return sheet(rows, ["photo", "target"] * (columns // 2))


def find_suspicious_pairs(reader: PairReader, on_progress: ProgressCallback) -> list[Suspicion]:
    """Read all pairs and return those that a person should look at.

    Args:
        reader: The pair set.
        on_progress: Called with the number of inspected pairs and the number of all pairs.

    Raises:
        DataError: A pair is damaged.
    """
    entries: list[PairEntry] = [entry for split in SPLITS for entry in reader.entries(split)]
    inspector = PairInspector()
    for done, entry in enumerate(entries):
        on_progress(done, len(entries))
        inspector.add(identify_pair(entry), *reader.read(entry))
    on_progress(len(entries), len(entries))
    return inspector.finish()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"
