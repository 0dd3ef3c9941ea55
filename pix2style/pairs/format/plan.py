"""Define the plan of a pair set, which fixes what will be made before the first photo is stylized.

Two runs of make-pairs work on the same set exactly if their plans are equal; this decides whether a run may resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from pydantic import Field

from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_bytes
from pix2style.pairs.format.manifest import (
    SPLITS_APART_VERSION,
    SplitCounts,
    TeacherRecord,
    VariantCount,
    schema_version_for,
)
from pix2style.pairs.format.photo_hash import assign_split, assign_styles, short_keys, variant_key
from pix2style.pairs.format.records import (
    SPLITS,
    Duplicate,
    Failure,
    Fit,
    PairFormat,
    PlannedPhoto,
    Record,
    Split,
    variant_suffix,
)
from pix2style.pairs.format.shard_names import shard_names
from pix2style.stylizer import StylizerIdentity

_STYLE_DIGITS = 4
_MAX_KEY_DIGITS = 64
_SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True)
class PlannedPair:
    """A photo or a variant of it, in one style.

    Attributes:
        key: Key of the pair.
        photo: The photo or the variant.
        style: Id of the style.
    """

    key: str
    photo: PlannedPhoto
    style: int


class PairPlan(Record):
    """The plan of a pair set, `plan.json`. It holds only what changes the result, so not the batch size or folders."""

    schema_version: Literal[2, 3, 4] = 2
    teachers: tuple[TeacherRecord, ...] = Field(min_length=1)
    """Teachers of the styles, in the order of the styles' ids."""
    styles_per_photo: int = Field(ge=1)
    """Number of styles in which each photo is stylized."""
    size: int = Field(ge=1)
    """Size of the images in pixels; `fit` says which side it is."""
    fit: Fit
    """Whether photos are cropped to a square, resized, or kept in their own size."""
    format: PairFormat
    """File format of the images."""
    seed: int
    """Salt of the hash that assigns photos to splits."""
    val_share: float
    """Share of the photos for validation."""
    test_share: float
    """Share of the photos for the test split, which only eval reads."""
    photos_per_shard: int = Field(ge=1)
    """Number of photos and variants in one shard."""
    variants: VariantCount = 0
    """Number of variants of each train photo. They follow all photos, the variants of one photo next to each other."""
    photos: tuple[PlannedPhoto, ...]
    """Photos in the order in which they are stylized, without variants. From schema version 4 on, the photos of train
    come first, then those of val and of test."""
    duplicates: tuple[Duplicate, ...]
    """Files that are left out because another file has the same bytes."""
    unreadable: tuple[Failure, ...]
    """Files that could not be read to compute their digests."""

    @property
    def digest(self) -> str:
        """SHA-256 that identifies the set, of the plan as compact JSON with its keys in the order of this class."""
        return sha256_bytes(self.model_dump_json().encode())

    @property
    def photos_per_split(self) -> SplitCounts:
        """Number of planned photos in each split, without variants."""
        return SplitCounts.of([photo.split for photo in self.photos])

    @property
    def crop_px(self) -> int | None:
        """Side in pixels of the squares to which photos are cropped; None if photos are not cropped."""
        return self.size if self.fit == "crop" else None

    @property
    def variant_count(self) -> int:
        """Number of variants of all photos together."""
        return self.variants * len(self._photos_with_variants)

    @property
    def pair_count(self) -> int:
        """Number of pairs of the set if every photo and variant can be stylized."""
        return (len(self.photos) + self.variant_count) * self.styles_per_photo

    @cached_property
    def _photos_with_variants(self) -> tuple[PlannedPhoto, ...]:
        # Only train photos: a variant of a held-out photo in the train split would leak that photo into training.
        return tuple(photo for photo in self.photos if photo.split == "train") if self.variants else ()

    @property
    def teacher_names(self) -> str:
        """Names of the first teachers, for people."""
        names = [teacher.name for teacher in self.teachers[:_SHOWN_NAMES]]
        return ", ".join(names) + (f", ... ({len(self.teachers)} styles)" if len(self.teachers) > _SHOWN_NAMES else "")

    @property
    def shard_count(self) -> int:
        """Number of shards of the set."""
        return len(self._shards)

    def photos_of_shard(self, shard: int) -> tuple[PlannedPhoto, ...]:
        """Return the photos and variants of one shard."""
        photos, variants = self._shards[shard] if shard < len(self._shards) else (range(0), range(0))
        planned_variants = tuple(self._planned_variant(index, shard) for index in variants)
        return self.photos[photos.start : photos.stop] + planned_variants

    def split_of_shard(self, shard: int) -> Split | None:
        """Return the only split in a shard; None in sets of schema versions 2 and 3, whose shards mix splits."""
        if self.schema_version < SPLITS_APART_VERSION:
            return None
        photos, _ = self._shards[shard]
        return self.photos[photos.start].split if photos else "train"  # only train photos have variants

    @cached_property
    def shard_names(self) -> list[str]:
        """Names of the shards' files without suffix, in the order of the shards' numbers."""
        return shard_names(self.split_of_shard(shard) for shard in range(self.shard_count))

    @cached_property
    def _shards(self) -> list[tuple[range, range]]:
        """The photos and the variants of each shard, by their indexes."""
        count, per_shard = len(self.photos), self.photos_per_shard
        if self.schema_version < SPLITS_APART_VERSION:
            return _divide(range(count), self.variant_count, per_shard)
        photos = self.photos_per_split
        train, val = photos.train, photos.train + photos.val
        return [
            *_divide(range(train), self.variant_count, per_shard),
            *_divide(range(train, val), 0, per_shard),
            *_divide(range(val, count), 0, per_shard),
        ]

    def _planned_variant(self, index: int, shard: int) -> PlannedPhoto:
        """Return the variant with an index from 0; created on demand, because variants may outnumber photos by far."""
        photo, variant = self._photos_with_variants[index // self.variants], index % self.variants + 1
        key, source = variant_key(photo.sha256, variant), photo.source + variant_suffix(variant)
        return PlannedPhoto(key, source, photo.sha256, photo.split, shard, variant)

    def pair_count_of_shard(self, shard: int) -> int:
        """Return the number of pairs of a shard if every photo and variant can be stylized."""
        return len(self.photos_of_shard(shard)) * self.styles_per_photo

    def pairs_of_photo(self, photo: PlannedPhoto) -> list[PlannedPair]:
        """Return the pairs of a photo or variant, in the order of the styles' ids."""
        styles = assign_styles(photo, styles=len(self.teachers), styles_per_photo=self.styles_per_photo)
        return [PlannedPair(self._pair_key(photo, style), photo, style) for style in styles]

    def _pair_key(self, photo: PlannedPhoto, style: int) -> str:
        if len(self.teachers) == 1:
            return photo.key
        return f"{photo.key[: _MAX_KEY_DIGITS - _STYLE_DIGITS]}{style:0{_STYLE_DIGITS}x}"


def _divide(photos: range, variants: int, per_shard: int) -> list[tuple[range, range]]:
    """Divide photos, and the variants that follow them, among shards."""
    count = len(photos)
    return [
        (
            photos[first : first + per_shard],
            range(max(first - count, 0), max(min(first + per_shard - count, variants), 0)),
        )
        for first in range(0, count + variants, per_shard)
    ]


def make_plan(
    config: PairsConfig,
    teachers: Sequence[StylizerIdentity],
    *,
    seed: int,
    hashed_files: Sequence[tuple[str, str]],
    unreadable: Sequence[Failure] = (),
    splits_apart: bool = True,
) -> PairPlan:
    """Plan a pair set.

    Args:
        config: Section `pairs` of the configuration.
        teachers: Identities of the teachers, one for each style.
        seed: Salt of the hash that assigns photos to splits.
        hashed_files: Name and SHA-256 of each photo's file.
        unreadable: Files that could not be read to compute their digests.
        splits_apart: Each shard holds pairs of one split only (schema version 4). False continues an older set.
    """
    styles_per_photo = min(config.styles_per_photo or len(teachers), len(teachers))
    photos_per_shard = max(1, config.pairs_per_shard // styles_per_photo)
    source_by_digest, duplicates = _find_duplicates(hashed_files)
    photos = [
        PlannedPhoto(
            key=key,
            source=source,
            sha256=sha256,
            split=assign_split(sha256, val_share=config.val_share, test_share=config.test_share, seed=seed),
            shard=i // photos_per_shard,
        )
        for i, (key, (sha256, source)) in enumerate(
            zip(short_keys(source_by_digest), source_by_digest.items(), strict=True)
        )
    ]
    if splits_apart:
        photos = number_by_split(photos, config.variants, photos_per_shard)
    return PairPlan(
        schema_version=SPLITS_APART_VERSION if splits_apart else schema_version_for(config.variants),
        teachers=tuple(teacher_record(teacher) for teacher in teachers),
        styles_per_photo=styles_per_photo,
        size=config.size,
        fit=config.fit,
        format=config.format,
        seed=seed,
        val_share=float(config.val_share),
        test_share=float(config.test_share),
        photos_per_shard=photos_per_shard,
        variants=config.variants,
        photos=tuple(photos),
        duplicates=tuple(duplicates),
        unreadable=tuple(unreadable),
    )


def number_by_split(photos: Sequence[PlannedPhoto], variants: int, photos_per_shard: int) -> list[PlannedPhoto]:
    """Sort photos by split, and number their shards so that each shard holds one split only.

    Args:
        photos: Photos in the order that each split keeps.
        variants: Number of variants of each train photo; they follow the train photos.
        photos_per_shard: Number of photos and variants in one shard.
    """
    numbered: list[PlannedPhoto] = []
    first_shard = 0
    for split in SPLITS:
        of_split = [photo for photo in photos if photo.split == split]
        numbered += [replace(photo, shard=first_shard + i // photos_per_shard) for i, photo in enumerate(of_split)]
        count = len(of_split) * (1 + variants if split == "train" else 1)
        first_shard += -(-count // photos_per_shard)
    return numbered


def _find_duplicates(hashed_files: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[Duplicate]]:
    """Return the first file name of each digest, and the other files with the same digests."""
    source_by_digest: dict[str, str] = {}
    duplicates = []
    # Sorted by name and digest: two content folders may hold different files of the same name.
    for source, sha256 in sorted(hashed_files):
        # Identity, not equality: the same name may occur twice with the same digest.
        if source_by_digest.setdefault(sha256, source) is not source:
            duplicates.append(Duplicate(source=source, of=source_by_digest[sha256]))
    return source_by_digest, duplicates


def teacher_record(identity: StylizerIdentity) -> TeacherRecord:
    """Convert the identity of a stylizer to the record that plan and manifest hold."""
    return TeacherRecord(
        name=identity.name,
        sha256=identity.sha256,
        style_sha256=tuple(identity.style_sha256),
        licence=identity.licence,
        settings=dict(identity.settings),
    )
