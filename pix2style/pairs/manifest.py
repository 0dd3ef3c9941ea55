"""What a pair set says of itself: the typed form of its JSON files.

    SET/plan.json                 written first: which photos, which split, which shard, which teacher
    SET/shards/shard-00000.tar    KEY.content.png, KEY.target.png, KEY.json, pair after pair (WebDataset's layout)
    SET/shards/shard-00000.json   the shard's index: where each pair lies, and its digests
    SET/manifest.json             written last; a set without it is not finished

Nothing in these files depends on time, place or machine, so the same input gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pix2style.errors import DataError

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
PLAN_NAME = "plan.json"
SHARDS_NAME = "shards"

Split = Literal["train", "val", "test"]
PairFormat = Literal["png", "jpeg"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Keys become names inside a tar: hexadecimal digits only, so that none can point anywhere else.
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
# A tar header holds sizes up to 8 GiB; the bound on offsets only keeps sums far from overflow.
ByteCount = Annotated[int, Field(ge=0, le=2**60)]
Count = Annotated[int, Field(ge=0, le=2**31)]


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


class Duplicate(Record):
    """A file with the same content as another one: both together give one pair."""

    source: str
    """The file that was left out."""
    of: str
    """The file that gives the pair."""


class PhotoRecord(Record):
    """A photo that was found, and what follows from its content."""

    key: Key
    """Names the pair: the first digits of `sha256`."""
    source: str
    """The file's name relative to the content folder, for people."""
    sha256: Sha256
    """Of the photo's file."""
    split: Split
    """By the file's digest alone."""


class PlannedPhoto(PhotoRecord):
    """A photo and the shard that its pair goes to."""

    shard: Count
    """Number of the shard."""


class StoredPair(PhotoRecord):
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


class PairEntry(PhotoRecord):
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


class ShardIndex(Record):
    """`shard-NNNNN.json`: everything about one shard."""

    schema_version: Literal[1] = 1
    shard: Count
    """Number of the shard."""
    sha256: Sha256
    """Of the tar file."""
    size: ByteCount
    """Of the tar file in bytes."""
    pairs: tuple[PairEntry, ...]
    """In the order of the plan."""
    failures: tuple[Failure, ...]
    """Photos planned for this shard that gave no pair."""


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


class PairManifest(Record):
    """`manifest.json`: a finished pair set."""

    schema_version: Literal[1] = 1
    plan_sha256: Sha256
    """Identifies the set: photos, teacher and settings."""
    pix2style_version: str
    """That finished the set."""
    teacher: TeacherRecord
    """Who painted."""
    size: int = Field(ge=1, le=65536)
    """Side of both pictures of every pair, in pixels."""
    format: PairFormat
    """How pictures are stored."""
    seed: int
    """Salt of the split's hash."""
    val_share: float
    """Asked for."""
    test_share: float
    """Asked for."""
    pairs: SplitCounts
    """How many came out."""
    shards: tuple[ShardRecord, ...]
    """In order."""
    failures: tuple[Failure, ...]
    """Files that gave no pair, with reasons."""
    duplicates: tuple[Duplicate, ...]
    """Files left out because another one has the same content."""


class _Version(BaseModel):
    schema_version: int


_Document = TypeVar("_Document", bound=Record)


def parse_document(model: type[_Document], data: bytes, path: Path) -> _Document:
    """Check one of a pair set's JSON files.

    Args:
        model: what the file holds.
        data: its bytes.
        path: its name, for messages.

    Raises:
        DataError: of an unknown schema version (never guessed at), or damaged.
    """
    try:
        version = _Version.model_validate_json(data).schema_version
        if version != SCHEMA_VERSION:
            raise DataError(
                f"{path}: has schema version {version}, this pix2style reads {SCHEMA_VERSION}:"
                " use the pix2style that wrote it, or make the pair set again"
            )
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = " -> ".join(str(part) for part in first["loc"]) or "file"
        raise DataError(
            f"{path}: is damaged or was not written by pix2style ({where}: {first['msg']}):"
            " copy the pair set again, or make it again in a new folder"
        ) from error


def read_document(model: type[_Document], path: Path) -> tuple[_Document, bytes]:
    """Read and check one of a pair set's JSON files; also gives its bytes, for digests.

    Raises:
        DataError: missing, unreadable, damaged, or of an unknown schema version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse_document(model, data, path), data
