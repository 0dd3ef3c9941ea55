"""Report what a call of make-pairs has done or would do, for people and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.images import LeftOut, count_left_out, describe_left_out
from pix2style.pairs.format.manifest import PairManifest, SplitCounts
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.records import Failure
from pix2style.plural import counted


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of a call that finished a pair set.

    Attributes:
        out: Folder of the pair set.
        manifest: Manifest of the pair set.
        sha256: SHA-256 of the manifest's file.
        new_pairs: Number of pairs that this run made.
        kept_pairs: Number of pairs that earlier runs had made.
        teacher_s: Seconds that the teachers worked in this run, or None if that is unknown (on a cluster).
        seconds: Seconds that this run took, including the scan of the photos.
        already_finished: Whether the set was finished before, so that nothing was changed.
        left_out: What else lies in the content folders.
    """

    out: Path
    manifest: PairManifest
    sha256: str
    new_pairs: int
    kept_pairs: int
    teacher_s: float | None
    seconds: float
    already_finished: bool = False
    left_out: Sequence[LeftOut] = ()

    @property
    def pairs_per_second(self) -> float:
        """Speed of this run."""
        return self.new_pairs / self.seconds if self.seconds > 0 else 0.0

    @property
    def notes(self) -> list[str]:
        """What a person should know before training on the set."""
        manifest = self.manifest
        photos = manifest.pairs.model_copy(update={"train": manifest.pairs.train // (1 + manifest.variants)})
        notes = empty_split_notes(photos, val_share=manifest.val_share, test_share=manifest.test_share)
        if manifest.statistics.enlarged:
            notes.append(
                f"{counted(manifest.statistics.enlarged, 'photo', verb='is')} less than {manifest.size} px high or"
                " wide: enlarged,"
                " with less detail than the others"
            )
        if manifest.duplicates:
            notes.append(
                f"{counted(len(manifest.duplicates), 'file', verb='has')} the same bytes as another file: left out"
            )
        return notes + left_out_notes(self.left_out)

    def to_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        manifest = self.manifest.model_dump(mode="json")
        return {
            "out": str(self.out),
            "sha256": self.sha256,
            "pairs": manifest["pairs"],
            "variants": self.manifest.variants,
            "failures": manifest["failures"],
            "duplicates": manifest["duplicates"],
            "teachers": manifest["teachers"],
            "statistics": manifest["statistics"],
            "painted": self.new_pairs,
            "kept": self.kept_pairs,
            "teacher_seconds": None if self.teacher_s is None else round(self.teacher_s, 3),
            "seconds": round(self.seconds, 3),
            "pairs_per_second": round(self.pairs_per_second, 3),
            "already_finished": self.already_finished,
            "left_out": count_left_out(self.left_out),
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class SliceReport:
    """The result of a call that made a slice of the shards (`--shard`).

    Attributes:
        out: Folder of the pair set.
        slice_name: The slice, for example `2/8`.
        new_pairs: Number of pairs that this run made.
        finished_shards: Number of finished shards of the whole set.
        shards: Number of all shards of the set.
        seconds: Seconds that this run took.
        complete: Whether all shards are finished and the manifest is written.
        failures: Photos of this slice that gave no pair, also those of an earlier call that was interrupted; none if
            the slice was finished before.
    """

    out: Path
    slice_name: str
    new_pairs: int
    finished_shards: int
    shards: int
    seconds: float
    complete: bool
    failures: Sequence[Failure] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        return {
            "out": str(self.out),
            "part": self.slice_name,
            "painted": self.new_pairs,
            "finished_shards": self.finished_shards,
            "shards": self.shards,
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
            "failures": [failure.model_dump(mode="json") for failure in self.failures],
        }


@dataclass(frozen=True, slots=True)
class BuildPreview:
    """What a call of make-pairs would do (`--dry-run`).

    Attributes:
        out: Folder of the pair set.
        plan: Plan of the pair set.
        state: State of the folder: `new`, `unfinished` or `finished`.
        finished_shards: Number of shards that are finished already.
        left_out: What else lies in the content folders.
    """

    out: Path
    plan: PairPlan
    state: str
    finished_shards: int
    left_out: Sequence[LeftOut] = ()

    @property
    def notes(self) -> list[str]:
        """What a person should know before the photos are stylized."""
        plan = self.plan
        notes = empty_split_notes(plan.photos_per_split, val_share=plan.val_share, test_share=plan.test_share)
        return notes + left_out_notes(self.left_out)

    def to_json(self) -> dict[str, Any]:
        """Return the preview for `--dry-run --json`."""
        plan = self.plan.model_dump(mode="json")
        return {
            "dry_run": True,
            "out": str(self.out),
            "state": self.state,
            "plan_sha256": self.plan.digest,
            "photos": self.plan.photos_per_split.model_dump(),
            "variants": self.plan.variants,
            "duplicates": plan["duplicates"],
            "unreadable": plan["unreadable"],
            "teachers": plan["teachers"],
            "pairs": self.plan.pair_count,
            "size": self.plan.size,
            "fit": self.plan.fit,
            "format": self.plan.format,
            "shards": self.plan.shard_count,
            "finished_shards": self.finished_shards,
            "left_out": count_left_out(self.left_out),
            "notes": self.notes,
        }


def left_out_notes(left_out: Sequence[LeftOut]) -> list[str]:
    """Return a note that counts what else lies in content folders; none if there is nothing."""
    return [f"left out in the folders of photos: {describe_left_out(left_out)}"] if left_out else []


def empty_split_notes(photos: SplitCounts, *, val_share: float, test_share: float) -> list[str]:
    """Return a note for each split that is empty although it should not be.

    Photos are never moved to fill a split: the split of a photo depends on its file only, so that sets in several
    styles hold out the same photos.

    Args:
        photos: Number of photos in each split.
        val_share: Requested share of the validation split.
        test_share: Requested share of the test split.
    """
    advice = "the split of a photo follows from its content and is never changed to fill a split; add photos"
    notes = []
    if not photos.train:
        notes.append(f"no photo fell into train, so there is nothing to train on: {advice}")
    for name, share, count in (("val", val_share, photos.val), ("test", test_share, photos.test)):
        if share > 0 and not count:
            notes.append(
                f"no photo fell into {name} (a share of {share:g} of {photos.total}): {advice} or raise"
                f" pairs.{name}_share"
            )
    return notes
