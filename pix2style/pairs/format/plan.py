"""The plan of a pair set: what will be painted, decided before the first photo is.

Two runs belong to the same set exactly if their plans are equal; that is what resuming asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import Field

from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_bytes
from pix2style.pairs.format.manifest import (
    Duplicate,
    Failure,
    Fit,
    PairFormat,
    PlannedPhoto,
    Record,
    Split,
    SplitCounts,
    TeacherRecord,
    Variants,
    schema_version_for,
    variant_suffix,
)
from pix2style.stylizer import StylizerIdentity

KEY_DIGITS = 16
STYLE_DIGITS = 4
# So long that no two variants meet, and that none meets a photo's key: a variant's key follows from its photo alone.
_VARIANT_KEY_DIGITS = 32
_SHOWN_NAMES = 3
_SETTINGS = ("styles_per_photo", "size", "fit", "format", "seed", "val_share", "test_share", "variants")


@dataclass(frozen=True, slots=True)
class PlannedPair:
    """A photo, or a variant of one, in one style.

    Attributes:
        key: names the pair.
        photo: which.
        style: id of the style.
    """

    key: str
    photo: PlannedPhoto
    style: int


class PairPlan(Record):
    """`plan.json`. The teacher's batch, folders and the like are not in it: they do not change the result."""

    schema_version: Literal[2, 3] = 2
    teachers: tuple[TeacherRecord, ...] = Field(min_length=1)
    """Who paints: one for each style."""
    styles_per_photo: int = Field(ge=1)
    """In how many of the styles each photo is painted."""
    size: int = Field(ge=1)
    """Of the pictures in pixels, as `fit` says."""
    fit: Fit
    """Whether photos are cut, shrunk or kept."""
    format: PairFormat
    """How pictures are stored."""
    seed: int
    """Salt of the split's hash."""
    val_share: float
    """Share of photos for validation."""
    test_share: float
    """Share of photos that only eval reads."""
    photos_per_shard: int = Field(ge=1)
    """Photos of one tar file, variants counted too."""
    variants: Variants = 0
    """Of each photo of train: painted after all photos, each photo's in a row."""
    photos: tuple[PlannedPhoto, ...]
    """In the order in which they are painted."""
    duplicates: tuple[Duplicate, ...]
    """Files with the content of another one."""
    unreadable: tuple[Failure, ...]
    """Files that could not be hashed."""

    @property
    def digest(self) -> str:
        """Identifies the set: SHA-256 of the plan's JSON without spaces, its keys in the order of this class."""
        return sha256_bytes(self.model_dump_json().encode())

    @property
    def photos_per_split(self) -> SplitCounts:
        """Planned photos per split, without variants."""
        return SplitCounts.of([photo.split for photo in self.photos])

    @property
    def variant_count(self) -> int:
        """How many variants there are of all photos together."""
        return self.variants * len(self._varied)

    @property
    def pair_total(self) -> int:
        """How many pairs the set has if each photo and variant can be painted."""
        return (len(self.photos) + self.variant_count) * self.styles_per_photo

    @cached_property
    def _varied(self) -> tuple[PlannedPhoto, ...]:
        """The photos that have variants: what is held out stays out, in any disguise."""
        return tuple(photo for photo in self.photos if photo.split == "train") if self.variants else ()

    @property
    def teacher_names(self) -> str:
        """For people."""
        names = [teacher.name for teacher in self.teachers[:_SHOWN_NAMES]]
        return ", ".join(names) + (f", ... ({len(self.teachers)} styles)" if len(self.teachers) > _SHOWN_NAMES else "")

    @property
    def shard_count(self) -> int:
        """How many tar files the set has."""
        return -(-(len(self.photos) + self.variant_count) // self.photos_per_shard)

    def shard(self, number: int) -> tuple[PlannedPhoto, ...]:
        """The photos and variants of one shard."""
        first, end = number * self.photos_per_shard, (number + 1) * self.photos_per_shard
        photos, end = self.photos[first:end], min(end, len(self.photos) + self.variant_count)
        places = range(max(first, len(self.photos)), end)
        return photos + tuple(self._variant_at(place - len(self.photos), number) for place in places)

    def _variant_at(self, place: int, shard: int) -> PlannedPhoto:
        """One of the variants, counted from 0. Made when asked for: there may be many times as many as photos."""
        photo, variant = self._varied[place // self.variants], place % self.variants + 1
        key = sha256_bytes(f"{photo.sha256}{variant_suffix(variant)}".encode())[:_VARIANT_KEY_DIGITS]
        source = photo.source + variant_suffix(variant)
        return PlannedPhoto(key, source, photo.sha256, photo.split, shard, variant)

    def pair_count(self, number: int) -> int:
        """How many pairs a shard has if each photo can be painted."""
        return len(self.shard(number)) * self.styles_per_photo

    def pairs(self, photo: PlannedPhoto) -> list[PlannedPair]:
        """The pairs that a photo gives, in the order of styles."""
        return [PlannedPair(self.pair_key(photo, style), photo, style) for style in self.styles_of(photo)]

    def styles_of(self, photo: PlannedPhoto) -> list[int]:
        """The styles that a photo is painted in, in order.

        By the photo's content alone, whatever else is in the set (rendezvous hashing: Thaler and Ravishankar, 1998).
        Variants go by their numbers, too, so that together they bring a photo into most styles.
        """
        styles = range(len(self.teachers))
        if self.styles_per_photo >= len(styles):
            return list(styles)
        name = photo.sha256 + (variant_suffix(photo.variant) if photo.variant else "")
        rank = {style: sha256_bytes(f"{style}:{name}".encode()) for style in styles}
        return sorted(sorted(styles, key=rank.__getitem__)[: self.styles_per_photo])

    def pair_key(self, photo: PlannedPhoto, style: int) -> str:
        """Names a pair: the photo's key, and the style's id where there are several."""
        return photo.key if len(self.teachers) == 1 else f"{photo.key[: 64 - STYLE_DIGITS]}{style:0{STYLE_DIGITS}x}"


def assign_split(sha256: str, *, val_share: float, test_share: float, seed: int = 0) -> Split:
    """The split of a file, by its digest alone: other files, names and folders have no say.

    The digest is hashed with the seed to a number that is uniform in [0, 1). Test photos lie at its lower end, so
    another `val_share` leaves them as they are.
    """
    number = int(sha256_bytes(f"{seed}:{sha256}".encode())[:KEY_DIGITS], 16) / 16**KEY_DIGITS
    if number < test_share:
        return "test"
    return "val" if number < test_share + val_share else "train"


def short_keys(digests: Iterable[str], digits: int = KEY_DIGITS) -> list[str]:
    """A short name for each of several different digests: its first digits, or all if those are taken."""
    taken: set[str] = set()
    keys = []
    for digest in digests:
        key = digest[:digits] if digest[:digits] not in taken else digest
        taken.add(key)
        keys.append(key)
    return keys


def make_plan(
    config: PairsConfig,
    teachers: Sequence[StylizerIdentity],
    *,
    seed: int,
    hashed_files: Sequence[tuple[str, str]],
    unreadable: Sequence[Failure] = (),
) -> PairPlan:
    """Plan a set.

    Args:
        config: settings.
        teachers: who will paint, one for each style.
        seed: salt of the split's hash.
        hashed_files: name and SHA-256 of each file.
        unreadable: files that could not be hashed.
    """
    styles_per_photo = min(config.styles_per_photo or len(teachers), len(teachers))
    photos_per_shard = max(1, config.pairs_per_shard // styles_per_photo)
    first_names, duplicates = _one_of_each(hashed_files)
    photos = [
        PlannedPhoto(
            key=key,
            source=source,
            sha256=sha256,
            split=assign_split(sha256, val_share=config.val_share, test_share=config.test_share, seed=seed),
            shard=i // photos_per_shard,
        )
        for i, (key, (sha256, source)) in enumerate(zip(short_keys(first_names), first_names.items(), strict=True))
    ]
    return PairPlan(
        schema_version=schema_version_for(config.variants),
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


def _one_of_each(hashed: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[Duplicate]]:
    """The first name of each digest, and the files that hold the same once more."""
    first_names: dict[str, str] = {}
    duplicates = []
    # By name, then digest: two content folders may hold files of the same name.
    for source, sha256 in sorted(hashed):
        if first_names.setdefault(sha256, source) is not source:
            duplicates.append(Duplicate(source=source, of=first_names[sha256]))
    return first_names, duplicates


def teacher_record(identity: StylizerIdentity) -> TeacherRecord:
    """A stylizer's identity, as it is written."""
    return TeacherRecord(
        name=identity.name,
        sha256=identity.sha256,
        style_sha256=tuple(identity.style_sha256),
        licence=identity.licence,
        settings=dict(identity.settings),
    )


def plan_differences(old: PairPlan, new: PairPlan) -> list[str]:
    """What makes `new` another set than `old`, for people; empty if they are the same."""
    found = []
    if len(old.teachers) != len(new.teachers):
        found.append(f"{len(old.teachers)} styles there, {len(new.teachers)} now")
    for before, after in zip(old.teachers, new.teachers, strict=False):
        found += _teacher_differences(before, after)
    for name in (*_SETTINGS, "photos_per_shard"):
        then, now = getattr(old, name), getattr(new, name)
        if then != now:
            found.append(f"{name} {then} there, {now} now")
    found += _photo_differences(old, new)
    if not found and old != new:
        found.append("duplicate or unreadable files")
    return found


def _teacher_differences(old: TeacherRecord, new: TeacherRecord) -> list[str]:
    if old.name != new.name:
        return [f"teacher {old.name} there, {new.name} now"]
    if old.style_sha256 != new.style_sha256:
        return ["the painting given as style has another content"]
    if old.sha256 != new.sha256:
        return [f"teacher {new.name} has other weights"]
    keys = sorted(key for key in old.settings | new.settings if old.settings.get(key) != new.settings.get(key))
    said = ", ".join(f"{key} {old.settings.get(key)} there, {new.settings.get(key)} now" for key in keys)
    return [f"teacher {new.name} has other settings ({said or 'its licence'})"] if old != new else []


def _photo_differences(old: PairPlan, new: PairPlan) -> list[str]:
    before, after = ({(p.source, p.sha256) for p in plan.photos} for plan in (old, new))
    found = []
    for word, names in (("not there before", after - before), ("gone or changed", before - after)):
        if names:
            shown = ", ".join(source for source, _ in sorted(names)[:_SHOWN_NAMES])
            found.append(f"photos {word}: {len(names)} ({shown}{', ...' if len(names) > _SHOWN_NAMES else ''})")
    return found
