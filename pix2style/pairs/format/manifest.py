"""Define the manifest of a pair set and the indexes of its shards.

    SET/plan.json                 written first: the photos with their splits and shards, and the teachers
    SET/shards/train-00000.tar    KEY.content.png, KEY.target.png and KEY.json of each pair (WebDataset's layout)
    SET/shards/train-00000.json   index of the shard: offsets and digests of its pairs, and statistics
    SET/manifest.json             written last; a set without it is not finished
    SET/timing/train-00000.json   how long the shard took, and on which machine; not part of the set's identity
    SET/paintings/SHA256.jpg      copies of the style images, for losses that compare with them; likewise
    SET/preview.png               four photos and their targets, made before all pairs; not part of the set's identity

Plan and manifest have schema version 4: each shard holds pairs of one split only, first those of train, and is named
after it (`shard_names`), so that a program that reads plain WebDataset can leave out held-out pairs. Shards of versions
2 (without variants) and 3 mix the splits; such sets are read, and continued as they were begun. Nothing but the timing
depends on time, place or machine, so the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from pix2style.pairs.format.records import (
    ByteCount,
    Count,
    Duplicate,
    Failure,
    Fit,
    PairEntry,
    PairFormat,
    Record,
    Sha256,
    Split,
)
from pix2style.pairs.format.shard_names import SHARD_NAME, shard_names

MANIFEST_NAME = "manifest.json"
PLAN_NAME = "plan.json"
SHARDS_NAME = "shards"
TIMING_NAME = "timing"
PAINTINGS_NAME = "paintings"
PREVIEW_NAME = "preview.png"
# 0 is not written, so that sets without variants keep the bytes and digests of schema version 2.
SPLITS_APART_VERSION: Literal[4] = 4
VariantCount = Annotated[int, Field(ge=0, le=2**31, exclude_if=lambda variants: variants == 0)]


def schema_version_for(variants: int) -> Literal[2, 3]:
    """Return the schema version of an older set, whose shards mix splits, for a number of variants per photo."""
    return 3 if variants else 2


class TeacherRecord(Record):
    """The teacher that made the targets of one style: a `StylizerIdentity` as it is written."""

    name: str
    """Name for people, for example `watercolor` or `magenta:style08.jpg`."""
    sha256: str
    """SHA-256 of the weights, or of version and settings of an algorithm without weights."""
    style_sha256: tuple[str, ...] = ()
    """SHA-256 of each style image's file."""
    licence: str = ""
    """Licence of the teacher's weights and code."""
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """All settings that change the targets."""

    @property
    def name_with_network(self) -> str:
        """Name, and the network and its licence where the settings name a network."""
        network = self.settings.get("network")
        return self.name if network is None else f"{self.name} ({network}; {self.licence})"


class ShardStatistics(Record):
    """Statistics of one shard or of all shards together."""

    photos: Count
    """Number of planned photos and variants."""
    pairs: Count
    """Number of pairs that were made."""
    enlarged: Count
    """Number of pairs whose photo is smaller than the pair's images."""
    content_bytes: ByteCount
    """Size of all content files in bytes."""
    target_bytes: ByteCount
    """Size of all target files in bytes."""
    failures_by_reason: dict[str, Count]
    """Number of failures for each kind of reason."""


class ShardIndex(Record):
    """The index of one shard, `shards/NAME.json`."""

    schema_version: Literal[2] = 2
    shard: Count
    """Number of the shard in the set, in the order of the manifest, from 0."""
    sha256: Sha256
    """SHA-256 of the tar file."""
    size: ByteCount
    """Size of the tar file in bytes."""
    pairs: tuple[PairEntry, ...]
    """Pairs of the shard in the order of the plan."""
    failures: tuple[Failure, ...]
    """Photos and variants that were planned for this shard and for which no pair could be made."""
    statistics: ShardStatistics
    """Statistics of `pairs` and `failures`."""


class ShardRecord(Record):
    """A shard as the manifest lists it."""

    name: str = Field(pattern=rf"^{SHARD_NAME}$")
    """Name of the shard's files without suffix, with its split: `train-00000` has `train-00000.tar` and
    `train-00000.json`. In sets of schema versions 2 and 3: `shard-00000`."""
    sha256: Sha256
    """SHA-256 of the tar file."""
    size: ByteCount
    """Size of the tar file in bytes."""
    index_sha256: Sha256
    """SHA-256 of the index file."""
    pairs: Count
    """Number of pairs in the shard."""
    split: Annotated[Split | None, Field(exclude_if=lambda split: split is None)] = None
    """The only split in the shard; missing in sets of schema versions 2 and 3, whose shards mix splits."""


class SplitCounts(Record):
    """The number of pairs or photos in each split."""

    train: Count = 0
    val: Count = 0
    test: Count = 0

    @property
    def total(self) -> int:
        """Number in all splits together."""
        return self.train + self.val + self.test

    @classmethod
    def of(cls, splits: list[Split]) -> SplitCounts:
        """Count how often each split occurs."""
        return cls(train=splits.count("train"), val=splits.count("val"), test=splits.count("test"))

    @classmethod
    def sum(cls, counts: Iterable[SplitCounts]) -> SplitCounts:
        """Add up counts split by split."""
        terms = list(counts)
        train, val, test = (sum(getattr(term, name) for term in terms) for name in ("train", "val", "test"))
        return cls(train=train, val=val, test=test)


class PairManifest(Record):
    """The manifest of a finished pair set, `manifest.json`."""

    schema_version: Literal[2, 3, 4] = 2
    plan_sha256: Sha256
    """Digest of the plan. It identifies the set by its photos, teachers and settings."""
    pix2style_version: str
    """Version of pix2style that finished the set."""
    teachers: tuple[TeacherRecord, ...] = Field(min_length=1)
    """Teachers of the styles, in the order of the styles' ids."""
    size: int = Field(ge=1, le=65536)
    """Size of the images in pixels; `fit` says which side it is."""
    fit: Fit
    """crop: the photo's central square, `size` wide; fit: the whole photo, its longer side at most `size`; keep: the
    photo in its own size."""
    format: PairFormat
    """File format of the images."""
    seed: int
    """Salt of the hash that assigns photos to splits."""
    val_share: float
    """Share of the photos that was requested for validation."""
    test_share: float
    """Share of the photos that was requested for the test split."""
    variants: VariantCount = 0
    """Number of variants of each train photo, in addition to the photo itself."""
    pairs: SplitCounts
    """Number of pairs in each split."""
    shards: tuple[ShardRecord, ...]
    """Shards in the order of their numbers."""
    statistics: ShardStatistics
    """Statistics of all shards together."""
    failures: tuple[Failure, ...]
    """Files for which no pair could be made, with reasons. An unreadable file is listed once, even if it has several
    variants."""
    duplicates: tuple[Duplicate, ...]
    """Files that were left out because another file has the same bytes."""

    @property
    def teacher(self) -> TeacherRecord:
        """Teacher of the first style, which is the only one in most sets."""
        return self.teachers[0]

    @property
    def naming_problem(self) -> str | None:
        """What is wrong with the shards' names, or None. Programs that read the tar files alone trust the names."""
        names = shard_names(shard.split for shard in self.shards)
        wrong = [(shard.name, name) for shard, name in zip(self.shards, names, strict=True) if shard.name != name]
        return f"names a shard {wrong[0][0]} that should be named {wrong[0][1]}" if wrong else None
