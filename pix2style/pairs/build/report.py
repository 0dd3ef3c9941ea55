"""What making a pair set came to, for people and scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pix2style.pairs.format.manifest import PairManifest, SplitCounts
from pix2style.pairs.format.plan import PairPlan


@dataclass(frozen=True, slots=True)
class BuildReport:
    """A finished pair set.

    Attributes:
        out: its folder.
        manifest: what it says of itself.
        sha256: digest of its manifest.
        new_pairs: pairs that this run made.
        kept_pairs: pairs that an earlier run had made.
        teacher_s: seconds of this run in which the teacher painted, where that is known.
        seconds: that this run took, scanning included.
        already_finished: nothing was left to do, and nothing was changed.
    """

    out: Path
    manifest: PairManifest
    sha256: str
    new_pairs: int
    kept_pairs: int
    teacher_s: float | None
    seconds: float
    already_finished: bool = False

    @property
    def pairs_per_second(self) -> float:
        """Of this run."""
        return self.new_pairs / self.seconds if self.seconds > 0 else 0.0

    @property
    def notes(self) -> list[str]:
        """What a person should know before training on the set."""
        manifest = self.manifest
        counts = manifest.pairs.model_copy(update={"train": manifest.pairs.train // (1 + manifest.variants)})
        notes = split_notes(counts, val_share=manifest.val_share, test_share=manifest.test_share)
        if manifest.statistics.enlarged:
            notes.append(
                f"{manifest.statistics.enlarged} photos are less than {manifest.size} px high or wide and were"
                " enlarged: they carry less detail than the rest"
            )
        if manifest.duplicates:
            notes.append(f"{len(manifest.duplicates)} files have the content of another one: each gave one pair")
        return notes

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
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
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class SliceReport:
    """A finished part of a pair set (`--shard`).

    Attributes:
        out: the set's folder.
        part: which part, for example `2/8`.
        new_pairs: pairs that this run made.
        finished_shards: of the whole set.
        shards: of the whole set.
        seconds: that this run took.
        complete: all parts are done, and the manifest is written.
    """

    out: Path
    part: str
    new_pairs: int
    finished_shards: int
    shards: int
    seconds: float
    complete: bool

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        report = {**asdict(self), "out": str(self.out), "seconds": round(self.seconds, 3)}
        return {"painted" if name == "new_pairs" else name: value for name, value in report.items()}


@dataclass(frozen=True, slots=True)
class BuildPreview:
    """What making a pair set would do (`--dry-run`).

    Attributes:
        out: the folder.
        plan: what would be painted.
        state: `new`, `unfinished` or `finished`.
        finished_shards: shards that need no more work.
    """

    out: Path
    plan: PairPlan
    state: str
    finished_shards: int

    @property
    def notes(self) -> list[str]:
        """What a person should know before painting."""
        plan = self.plan
        return split_notes(plan.photos_per_split, val_share=plan.val_share, test_share=plan.test_share)

    def to_json(self) -> dict[str, Any]:
        """For `--dry-run --json`."""
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
            "pairs": self.plan.pair_total,
            "size": self.plan.size,
            "fit": self.plan.fit,
            "format": self.plan.format,
            "shards": self.plan.shard_count,
            "finished_shards": self.finished_shards,
            "notes": self.notes,
        }


def split_notes(counts: SplitCounts, *, val_share: float, test_share: float) -> list[str]:
    """Which splits are empty although they should not be.

    Photos are never moved to fill them: a photo's split depends on nothing but its content, so that sets in several
    styles hold out the same photos.
    """
    advice = "splits follow from each photo's content and are never evened out; add photos"
    notes = []
    if not counts.train:
        notes.append(f"no photo fell into train, so there is nothing to train on: {advice}")
    for name, share, count in (("val", val_share, counts.val), ("test", test_share, counts.test)):
        if share > 0 and not count:
            notes.append(
                f"no photo fell into {name} (a share of {share:g} of {counts.total}): {advice} or raise"
                f" pairs.{name}_share"
            )
    return notes
