"""Define the records of photos and pairs that the JSON files of a pair set contain.

A variant is a varied copy of a train photo (see `pairs.variants` of the configuration). Variant 3 of beach.jpg has the
source `beach.jpg#variant3` and the SHA-256 of beach.jpg, so that it is always assigned to the split of its photo.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
PairFormat = Literal["png", "jpeg"]
Fit = Literal["crop", "fit", "keep"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Keys become names inside a tar file: with hexadecimal digits only, none can be a path to another place.
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
# A tar header holds sizes up to 8 GiB. The larger bound only keeps sums of offsets far away from an overflow.
ByteCount = Annotated[int, Field(ge=0, le=2**60)]
Count = Annotated[int, Field(ge=0, le=2**31)]
_VARIANT_SUFFIX = re.compile(r"#variant\d+$")


def variant_suffix(variant: int) -> str:
    """Return what a variant's source appends to the name of the photo's file, for example `#variant3`."""
    return f"#variant{variant}"


def strip_variant_suffix(source: str) -> str:
    """Return the file name in the source of a variant; the source of a photo is returned unchanged."""
    return _VARIANT_SUFFIX.sub("", source)


class Record(BaseModel):
    """Base class of all records: immutable and strict, so that unknown keys and wrong types are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Failure(Record):
    """A photo for which no pair could be made."""

    source: str
    """Name of the photo's file relative to the content folder."""
    sha256: Sha256 | None
    """SHA-256 of the photo's file, or None if the file could not be read at all."""
    reason: str
    """Reason, in words for people."""
    style: Count | None = None
    """Id of the style that the teacher could not apply, or None if the photo itself cannot be used."""


class Duplicate(Record):
    """A file with the same bytes as another file; the two files give one pair."""

    source: str
    """Name of the file that is left out."""
    of: str
    """Name of the file that the pair is made from."""


class PhotoRecord(Record):
    """A photo with its key and its split, which follow from the bytes of its file."""

    key: Key
    """Key of the pair: the first digits of `sha256`, followed by the style's id if the set has several styles."""
    source: str
    """Name of the photo's file relative to the content folder; a variant appends `#variant` and its number."""
    sha256: Sha256
    """SHA-256 of the photo's file. A variant has the digest of its photo."""
    split: Split
    """Split of the photo, which depends on the digest of its file only."""


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", strict=True))
class PlannedPhoto:
    """A photo or a variant of it, and the shard that its pairs go to.

    A dataclass, because it needs less memory than a model and a plan may list a million photos.

    Attributes:
        key: First digits of `sha256`; for a variant, first digits of the digest of `sha256` and the variant's number.
        source: Name of the photo's file relative to the content folder; a variant appends `#variant` and its number.
        sha256: SHA-256 of the photo's file.
        split: Split of the photo, which depends on the digest of its file only.
        shard: Number of the shard that holds the pairs.
        variant: Number of the variant from 1, or 0 for the photo itself. Never written, because plan.json lists photos
            only.
    """

    key: Key
    source: str
    sha256: Sha256
    split: Split
    shard: Count
    variant: Annotated[Count, Field(exclude=True)] = 0

    @property
    def file_name(self) -> str:
        """Name of the photo's file relative to the content folder."""
        return self.source.removesuffix(variant_suffix(self.variant)) if self.variant else self.source


class PairRecord(PhotoRecord):
    """A photo in one style."""

    style: Count
    """Id of the style: its index in the manifest's `teachers`."""
    height_px: int = Field(ge=1, le=65536)
    """Height of the content and of the target in pixels."""
    width_px: int = Field(ge=1, le=65536)
    """Width of the content and of the target in pixels."""


class StoredPair(PairRecord):
    """The `KEY.json` that follows the images of a pair in its shard; it proves that the pair was written completely."""

    photo_height_px: int = Field(ge=1)
    """Height of the upright photo in pixels, before it was resized."""
    photo_width_px: int = Field(ge=1)
    """Width of the upright photo in pixels, before it was resized."""
    content_sha256: Sha256
    """SHA-256 of the member `KEY.content.*`."""
    target_sha256: Sha256
    """SHA-256 of the member `KEY.target.*`."""


class Member(Record):
    """The position of one file inside a tar file."""

    offset: ByteCount
    """Offset of the file's first byte in the tar file."""
    size: ByteCount
    """Size of the file in bytes."""
    sha256: Sha256
    """SHA-256 of the file's bytes."""


class PairEntry(PairRecord):
    """A finished pair and its position in a shard."""

    shard: Count
    """Number of the shard."""
    photo_height_px: int = Field(ge=1)
    """Height of the upright photo in pixels, before it was resized."""
    photo_width_px: int = Field(ge=1)
    """Width of the upright photo in pixels, before it was resized."""
    content: Member
    """The image that goes into the generator: the photo, resized and cropped."""
    target: Member
    """The image that the teacher made of the content."""
