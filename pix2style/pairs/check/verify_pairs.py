"""What the pairs of a set must have to do with each other, its plan and its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pix2style.pairs.build.shard_builder import total
from pix2style.pairs.check.damage import MAKE_INDEX_AGAIN, MAKE_MANIFEST_AGAIN, MAKE_SHARD_AGAIN, Damage
from pix2style.pairs.format.failures import merge_variant_failures
from pix2style.pairs.format.manifest import (
    MANIFEST_NAME,
    SHARDS_NAME,
    Failure,
    PairEntry,
    PairManifest,
    PlannedPhoto,
    ShardIndex,
    ShardStatistics,
    SplitCounts,
)
from pix2style.pairs.format.plan import PairPlan, assign_split
from pix2style.pairs.format.shards import shard_name


@dataclass(slots=True)
class PairChecks:
    """Takes one index after the other; memory holds the keys.

    Attributes:
        manifest: of the set; None: it cannot be read.
        plan: of the set; None: it cannot be read.
    """

    manifest: PairManifest | None
    plan: PairPlan | None
    _keys: dict[str, int] = field(default_factory=dict)
    _splits: list[SplitCounts] = field(default_factory=list)
    _statistics: list[ShardStatistics] = field(default_factory=list)
    _failures: list[Failure] = field(default_factory=list)

    def add(self, index: ShardIndex) -> list[Damage]:
        """What is wrong with a shard's index as such."""
        file = f"{SHARDS_NAME}/{shard_name(index.shard)}.json"
        index_advice = MAKE_INDEX_AGAIN.format(shard_name(index.shard))
        advice = MAKE_SHARD_AGAIN.format(shard_name(index.shard))
        planned = self._planned(index.shard)
        found = [
            Damage(file, what, advice, entry.key, entry.source)
            for entry in index.pairs
            for what in self._wrong_with(entry, index.shard, planned)
        ]
        if planned is not None:
            found += [Damage(file, what, advice) for what in self._missing(index, planned)]
        statistics = index.statistics
        sums = (
            len(index.pairs),
            sum(entry.content.size for entry in index.pairs),
            sum(entry.target.size for entry in index.pairs),
        )
        if sums != (statistics.pairs, statistics.content_bytes, statistics.target_bytes):
            found.append(Damage(file, "its statistics are not those of its pairs", index_advice))
        self._splits.append(SplitCounts.of([entry.split for entry in index.pairs]))
        self._statistics.append(statistics)
        self._failures += index.failures
        return found

    def finish(self) -> list[Damage]:
        """What is wrong with the manifest's sums; only if all indexes could be read."""
        if self.manifest is None or len(self._splits) != len(self.manifest.shards):
            return []
        wrong = []
        counts = SplitCounts.sum(self._splits)
        if counts != self.manifest.pairs:
            wrong.append(f"counts {self.manifest.pairs}, the shards hold {counts}")
        unreadable = self.plan.unreadable if self.plan is not None else None
        if unreadable is not None:
            failures = merge_variant_failures((*unreadable, *self._failures), self.manifest.variants)
            if self.manifest.statistics != total(self._statistics, failures):
                wrong.append("its statistics are not the sum of the shards'")
            if self.manifest.failures != failures:
                wrong.append("its failures are not those of the plan and the shards")
        return [Damage(MANIFEST_NAME, what, MAKE_MANIFEST_AGAIN) for what in wrong]

    def _wrong_with(self, entry: PairEntry, shard: int, planned: dict[str, PlannedPhoto] | None) -> Iterator[str]:
        first = self._keys.setdefault(entry.key, shard)
        if first != shard or entry.shard != shard:
            other = first if first != shard else entry.shard
            yield f"has the key of a pair in {shard_name(other)}, or says it is there"
        document = self.manifest or self.plan
        if document is None:
            return
        if entry.style >= len(document.teachers):
            yield f"has style {entry.style}, but the set has {len(document.teachers)}"
        if document.fit == "crop" and (entry.height_px, entry.width_px) != (document.size, document.size):
            yield f"is {entry.width_px}x{entry.height_px} px, but the set's pairs are {document.size} px squares"
        if document.fit == "fit" and max(entry.height_px, entry.width_px) > document.size:
            yield f"is {entry.width_px}x{entry.height_px} px, but the set's pairs are at most {document.size} px"
        yield from self._wrong_split(entry)
        if planned is not None:
            photo = planned.get(entry.key if is_imported(document) else f"{entry.sha256} {entry.source}")
            if photo is None or (photo.source, photo.sha256, photo.split) != (entry.source, entry.sha256, entry.split):
                yield "is not in the plan for this shard with that source, digest and split"

    def _wrong_split(self, entry: PairEntry) -> Iterator[str]:
        document = self.manifest or self.plan
        if document is None or document.teachers[0].settings.get("splits") == "given":
            return
        shares = {"val_share": document.val_share, "test_share": document.test_share}
        wanted = assign_split(entry.sha256, **shares, seed=document.seed)
        if entry.split != wanted:
            yield f"is in split {entry.split}, but its photo's digest and the shares say {wanted}"

    def _planned(self, shard: int) -> dict[str, PlannedPhoto] | None:
        """By digest and source; in an imported set, where both may come twice, by key."""
        if self.plan is None:
            return None
        by_key = is_imported(self.plan)
        photos = self.plan.shard(shard)
        return {photo.key if by_key else f"{photo.sha256} {photo.source}": photo for photo in photos}

    def _missing(self, index: ShardIndex, planned: dict[str, PlannedPhoto]) -> Iterator[str]:
        if self.plan is None:
            return
        failed = {(failure.source, failure.sha256, failure.style) for failure in index.failures}
        if is_imported(self.plan):
            wanted = set(planned)
            there = {entry.key for entry in index.pairs}
        else:
            pairs = [pair for photo in planned.values() for pair in self.plan.pairs(photo)]
            wanted = {
                pair.key
                for pair in pairs
                if not failed & {(pair.photo.source, pair.photo.sha256, style) for style in (None, pair.style)}
            }
            there = {entry.key for entry in index.pairs}
        if len(there) != len(index.pairs):
            yield "has a pair twice"
        for key in sorted(wanted - there):
            yield f"lacks the planned pair {key}, and no failure says why"
        for key in sorted(there - wanted):
            yield f"has the pair {key}, which is not planned or is listed as failed"


def is_imported(document: PairManifest | PairPlan) -> bool:
    """Whether the set was imported or is a pair of plain folders, not painted by make-pairs."""
    return "splits" in document.teachers[0].settings
