"""What a pair set says of itself: the typed form of its JSON files.

    SET/plan.json                 written first: which photos, which split, which shard, which teachers
    SET/shards/shard-00000.tar    KEY.content.png, KEY.target.png, KEY.json, pair after pair (WebDataset's layout)
    SET/shards/shard-00000.json   the shard's index: where each pair lies, its digests, and statistics
    SET/manifest.json             written last; a set without it is not finished
    SET/timing/shard-00000.json   how long the shard took, and where; no part of the set's identity

With `pairs.variants`, pairs of varied copies of the train photos follow those of the photos. A pair of variant 3 of
beach.jpg has the source `beach.jpg#variant3` and the digest of beach.jpg, by which it is kept out of other splits. Such
a set has schema version 3 in plan and manifest; one without variants is written as it always was, in version 2.

Nothing but the timing depends on time, place or machine, so the same input gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass

_VARIANT_MARK = re.compile(r"#variant\d+$")
MANIFEST_NAME = "manifest.json"
PLAN_NAME = "plan.json"
SHARDS_NAME = "shards"
TIMING_NAME = "timing"

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
PairFormat = Literal["png", "jpeg"]
Fit = Literal["crop", "fit", "keep"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Keys become names inside a tar: hexadecimal digits only, so that none can point anywhere else.
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
# A tar header holds sizes up to 8 GiB; the bound on offsets only keeps sums far from overflow.
ByteCount = Annotated[int, Field(ge=0, le=2**60)]
Count = Annotated[int, Field(ge=0, le=2**31)]
# Not written where there are none, so that such sets keep the bytes and digests of schema version 2.
Variants = Annotated[int, Field(ge=0, le=2**31, exclude_if=lambda variants: variants == 0)]


def schema_version_for(variants: int) -> Literal[2, 3]:
    """Of plan and manifest: an older pix2style must refuse a set with variants, and read all others."""
    return 3 if variants else 2


class Record(BaseModel):
    """Frozen and strict: unknown keys and values of another type are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class TeacherRecord(Record):
    """Who painted the targets: `StylizerIdentity`, as written."""

    name: str
    """For people, for example `watercolor` or `magenta:style08.jpg`."""
    sha256: str
    """Digest of the weights, or of the algorithm's version and settings."""
    style_sha256: tuple[str, ...] = ()
    """Digests of the paintings' files."""
    licence: str = ""
    """Of the weights and the code that painted."""
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Whatever changes the result."""


class Failure(Record):
    """A photo that gave no pair."""

    source: str
    """The file's name relative to the content folder."""
    sha256: Sha256 | None
    """Of the file, or None if it could not even be hashed."""
    reason: str
    """Why, for people."""
    style: Count | None = None
    """Id of the style that could not be painted; None: the photo itself is of no use."""


class Duplicate(Record):
    """A file with the same content as another one: both together give one pair."""

    source: str
    """The file that was left out."""
    of: str
    """The file that gives the pair."""


class PhotoRecord(Record):
    """A photo, and what follows from its content."""

    key: Key
    """Names the pair: the first digits of `sha256`, and the style's id where the set has several."""
    source: str
    """The file's name relative to the content folder, for people; of a variant with `#variant` and its number."""
    sha256: Sha256
    """Of the photo's file; a variant has that of its photo."""
    split: Split
    """By the file's digest alone."""


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", strict=True))
class PlannedPhoto:
    """A photo, or a variant of one, and the shard that its pairs go to; small, because there may be a million.

    Attributes:
        key: the first digits of `sha256`; of a variant: of the digest of both that and its number.
        source: the file's name relative to the content folder, for people; of a variant with its number.
        sha256: of the photo's file.
        split: by the file's digest alone.
        shard: number of the shard.
        variant: number of the variant, from 1; 0: the photo itself. Plans list photos only, so it is never written.
    """

    key: Key
    source: str
    sha256: Sha256
    split: Split
    shard: Count
    variant: Annotated[Count, Field(exclude=True)] = 0

    @property
    def file(self) -> str:
        """The file's name relative to the content folder."""
        return self.source.removesuffix(variant_suffix(self.variant)) if self.variant else self.source


def variant_suffix(variant: int) -> str:
    """What follows the file's name in a variant's source."""
    return f"#variant{variant}"


def strip_variant_suffix(source: str) -> str:
    """The file's name, of a variant's source as of a photo's."""
    return _VARIANT_MARK.sub("", source)


class PairRecord(PhotoRecord):
    """A photo in one style."""

    style: Count
    """Id of the style: its place in the manifest's `teachers`."""
    height_px: int = Field(ge=1, le=65536)
    """Of both pictures of the pair."""
    width_px: int = Field(ge=1, le=65536)
    """Of both pictures of the pair."""


class StoredPair(PairRecord):
    """What stands in a pair's `KEY.json`, after its pictures: whole only if this is whole."""

    photo_height_px: int = Field(ge=1)
    """Of the photo as read, upright."""
    photo_width_px: int = Field(ge=1)
    """Of the photo as read, upright."""
    content_sha256: Sha256
    """Of the member `KEY.content.*`."""
    target_sha256: Sha256
    """Of the member `KEY.target.*`."""


class Member(Record):
    """Where a file inside a shard lies."""

    offset: ByteCount
    """Of its first byte in the tar file."""
    size: ByteCount
    """In bytes."""
    sha256: Sha256
    """Of its bytes."""


class PairEntry(PairRecord):
    """A finished pair."""

    shard: Count
    """Number of the shard."""
    photo_height_px: int = Field(ge=1)
    """Of the photo as read, upright, before scaling."""
    photo_width_px: int = Field(ge=1)
    """Of the photo as read, upright, before scaling."""
    content: Member
    """The photo, scaled and cut."""
    target: Member
    """What the teacher made of it."""


class ShardStatistics(Record):
    """A shard in figures."""

    photos: Count
    """Planned for it, variants counted too."""
    pairs: Count
    """That came out."""
    enlarged: Count
    """Pairs whose photo was smaller than the pair."""
    content_bytes: ByteCount
    """Of all content pictures' files."""
    target_bytes: ByteCount
    """Of all target pictures' files."""
    failures_by_reason: dict[str, Count]
    """How many photos gave no pair, by kind of reason."""


class ShardIndex(Record):
    """`shard-NNNNN.json`: everything about one shard."""

    schema_version: Literal[2] = 2
    shard: Count
    """Number of the shard."""
    sha256: Sha256
    """Of the tar file."""
    size: ByteCount
    """Of the tar file in bytes."""
    pairs: tuple[PairEntry, ...]
    """In the order of the plan."""
    failures: tuple[Failure, ...]
    """Photos and variants planned for this shard that gave no pair."""
    statistics: ShardStatistics
    """Of `pairs` and `failures`."""


class ShardRecord(Record):
    """A shard, as the manifest lists it."""

    name: str = Field(pattern=r"^shard-\d{5}$")
    """Its files are `NAME.tar` and `NAME.json`."""
    sha256: Sha256
    """Of the tar file."""
    size: ByteCount
    """Of the tar file in bytes."""
    index_sha256: Sha256
    """Of the index file."""
    pairs: Count
    """How many it holds."""


class SplitCounts(Record):
    """Pairs per split."""

    train: Count = 0
    val: Count = 0
    test: Count = 0

    @property
    def total(self) -> int:
        """All pairs."""
        return self.train + self.val + self.test

    @classmethod
    def of(cls, splits: list[Split]) -> SplitCounts:
        """Count each split."""
        return cls(train=splits.count("train"), val=splits.count("val"), test=splits.count("test"))

    @classmethod
    def sum(cls, parts: Iterable[SplitCounts]) -> SplitCounts:
        """Add up."""
        all_parts = list(parts)
        train, val, test = (sum(getattr(part, name) for part in all_parts) for name in ("train", "val", "test"))
        return cls(train=train, val=val, test=test)


class PairManifest(Record):
    """`manifest.json`: a finished pair set."""

    schema_version: Literal[2, 3] = 2
    plan_sha256: Sha256
    """Identifies the set: photos, teachers and settings."""
    pix2style_version: str
    """That finished the set."""
    teachers: tuple[TeacherRecord, ...] = Field(min_length=1)
    """Who painted: one for each style, in the order of the styles' ids."""
    size: int = Field(ge=1, le=65536)
    """Of the pictures in pixels, as `fit` says."""
    fit: Fit
    """crop: the photo's middle square, `size` wide; fit: the whole photo, its longer side at most `size`; keep: as it
    is."""
    format: PairFormat
    """How pictures are stored."""
    seed: int
    """Salt of the split's hash."""
    val_share: float
    """Asked for."""
    test_share: float
    """Asked for."""
    variants: Variants = 0
    """Of each photo of train, besides the photo."""
    pairs: SplitCounts
    """How many came out."""
    shards: tuple[ShardRecord, ...]
    """In order."""
    statistics: ShardStatistics
    """Of all shards together."""
    failures: tuple[Failure, ...]
    """Files that gave no pair, with reasons. One that cannot be read is listed once, however many variants it has."""
    duplicates: tuple[Duplicate, ...]
    """Files left out because another one has the same content."""

    @property
    def teacher(self) -> TeacherRecord:
        """Of the first style, which is the only one of most sets."""
        return self.teachers[0]
