"""The plan of a pair set: what will be painted, decided before the first photo is.

Two runs belong to the same set exactly if their plans are equal; that is what resuming asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_bytes, sha256_json
from pix2style.pairs.manifest import (
    Duplicate,
    Failure,
    PairFormat,
    PlannedPhoto,
    Record,
    Split,
    SplitCounts,
    TeacherRecord,
)
from pix2style.stylizer import StylizerIdentity

KEY_DIGITS = 16
_SHOWN_NAMES = 3


class PairPlan(Record):
    """`plan.json`. The teacher's batch, folders and the like are not in it: they do not change the result."""

    schema_version: Literal[1] = 1
    teacher: TeacherRecord
    """Who paints."""
    size: int = Field(ge=1)
    """Side of the pictures in pixels."""
    format: PairFormat
    """How pictures are stored."""
    seed: int
    """Salt of the split's hash."""
    val_share: float
    """Share of photos for validation."""
    test_share: float
    """Share of photos that only eval reads."""
    pairs_per_shard: int = Field(ge=1)
    """Photos in one tar file."""
    photos: tuple[PlannedPhoto, ...]
    """In the order in which they are painted."""
    duplicates: tuple[Duplicate, ...]
    """Files with the content of another one."""
    unreadable: tuple[Failure, ...]
    """Files that could not be hashed."""

    @property
    def digest(self) -> str:
        """Identifies the set: SHA-256 of the plan's canonical JSON."""
        return sha256_json(self.model_dump(mode="json"))

    @property
    def splits(self) -> SplitCounts:
        """Planned photos per split."""
        return SplitCounts.of([photo.split for photo in self.photos])

    def shards(self) -> list[list[PlannedPhoto]]:
        """The photos of each shard."""
        step = self.pairs_per_shard
        return [list(self.photos[i : i + step]) for i in range(0, len(self.photos), step)]


def split_of(sha256: str, *, val_share: float, test_share: float, seed: int = 0) -> Split:
    """The split of a file, by its digest alone: other files, names and folders have no say.

    The digest is hashed with the seed to a number that is uniform in [0, 1). Test photos lie at its lower end, so
    another `val_share` leaves them as they are.
    """
    number = int(sha256_bytes(f"{seed}:{sha256}".encode())[:KEY_DIGITS], 16) / 16**KEY_DIGITS
    if number < test_share:
        return "test"
    return "val" if number < test_share + val_share else "train"


def keys_of(digests: Iterable[str], digits: int = KEY_DIGITS) -> list[str]:
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
    teacher: StylizerIdentity,
    *,
    seed: int,
    hashed: Sequence[tuple[str, str]],
    unreadable: Sequence[Failure] = (),
) -> PairPlan:
    """Plan a set.

    Args:
        config: settings.
        teacher: who will paint.
        seed: salt of the split's hash.
        hashed: name and SHA-256 of each file.
        unreadable: files that could not be hashed.
    """
    first_name: dict[str, str] = {}
    duplicates = []
    # By name, then digest: two content folders may hold files of the same name.
    for source, sha256 in sorted(hashed):
        if first_name.setdefault(sha256, source) is not source:
            duplicates.append(Duplicate(source=source, of=first_name[sha256]))
    keys = keys_of(first_name)
    photos = [
        PlannedPhoto(
            key=key,
            source=source,
            sha256=sha256,
            split=split_of(sha256, val_share=config.val_share, test_share=config.test_share, seed=seed),
            shard=i // config.pairs_per_shard,
        )
        for i, (key, (sha256, source)) in enumerate(zip(keys, first_name.items(), strict=True))
    ]
    return PairPlan(
        teacher=teacher_record(teacher),
        size=config.size,
        format=config.format,
        seed=seed,
        val_share=float(config.val_share),
        test_share=float(config.test_share),
        pairs_per_shard=config.pairs_per_shard,
        photos=tuple(photos),
        duplicates=tuple(duplicates),
        unreadable=tuple(unreadable),
    )


def teacher_record(identity: StylizerIdentity) -> TeacherRecord:
    """A stylizer's identity, as it is written."""
    return TeacherRecord(
        name=identity.name,
        sha256=identity.sha256,
        style_sha256=tuple(identity.style_sha256),
        licence=identity.licence,
        settings=dict(identity.settings),
    )


def differences(old: PairPlan, new: PairPlan) -> list[str]:
    """What makes `new` another set than `old`, for people; empty if they are the same."""
    found = []
    if old.teacher.name != new.teacher.name:
        found.append(f"teacher {old.teacher.name} there, {new.teacher.name} now")
    elif old.teacher.style_sha256 != new.teacher.style_sha256:
        found.append("the painting given as style has another content")
    elif old.teacher != new.teacher:
        found.append(f"teacher {new.teacher.name} has other weights or settings")
    for name in ("size", "format", "seed", "val_share", "test_share", "pairs_per_shard"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            found.append(f"{name} {before} there, {after} now")
    found += _photo_differences(old, new)
    if not found and old != new:
        found.append("duplicate or unreadable files")
    return found


def _photo_differences(old: PairPlan, new: PairPlan) -> list[str]:
    before, after = ({(p.source, p.sha256) for p in plan.photos} for plan in (old, new))
    found = []
    for word, names in (("not there before", after - before), ("gone or changed", before - after)):
        if names:
            shown = ", ".join(source for source, _ in sorted(names)[:_SHOWN_NAMES])
            found.append(f"photos {word}: {len(names)} ({shown}{', ...' if len(names) > _SHOWN_NAMES else ''})")
    return found
