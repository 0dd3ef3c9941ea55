"""Check that the pairs in the indexes of a set agree with each other, with the plan and with the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pix2style.pairs.check.damage import REMAKE_INDEX, REMAKE_MANIFEST, REMAKE_SHARD, Damage
from pix2style.pairs.format.failures import merge_variant_failures
from pix2style.pairs.format.manifest import (
    MANIFEST_NAME,
    SHARDS_NAME,
    PairManifest,
    ShardIndex,
    ShardStatistics,
    SplitCounts,
)
from pix2style.pairs.format.photo_hash import assign_split
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.records import Failure, PairEntry, PlannedPhoto
from pix2style.pairs.format.shard_summary import total_statistics
from pix2style.plural import counted


@dataclass(slots=True)
class IndexChecks:
    """Checks of the indexes, which are added one by one; memory holds the keys of all pairs.

    Attributes:
        manifest: Manifest of the set, or None if it cannot be read.
        plan: Plan of the set, or None if it cannot be read.
    """

    manifest: PairManifest | None
    plan: PairPlan | None
    _shard_of_key: dict[str, str] = field(default_factory=dict)
    _splits: list[SplitCounts] = field(default_factory=list)
    _statistics: list[ShardStatistics] = field(default_factory=list)
    _failures: list[Failure] = field(default_factory=list)

    def add(self, index: ShardIndex, name: str) -> list[Damage]:
        """Check the index of the shard with a name, and return its damage."""
        file, advice = f"{SHARDS_NAME}/{name}.json", REMAKE_SHARD.format(name)
        planned = self._planned_photos(index.shard)
        damage = [
            Damage(file, problem, advice, entry.key, entry.source)
            for entry in index.pairs
            for problem in (
                *self._place_problems(entry, index.shard, name),
                *self._entry_problems(entry, index.shard, planned),
            )
        ]
        if planned is not None:
            damage += [Damage(file, problem, advice) for problem in self._completeness_problems(index, planned)]
        statistics = index.statistics
        sums = (
            len(index.pairs),
            sum(entry.content.size for entry in index.pairs),
            sum(entry.target.size for entry in index.pairs),
        )
        if sums != (statistics.pairs, statistics.content_bytes, statistics.target_bytes):
            damage.append(Damage(file, "its statistics are not those of its pairs", REMAKE_INDEX.format(name)))
        self._splits.append(SplitCounts.of([entry.split for entry in index.pairs]))
        self._statistics.append(statistics)
        self._failures += index.failures
        return damage

    def finish(self) -> list[Damage]:
        """Check the sums in the manifest, if all indexes could be read, and return the damage."""
        if self.manifest is None or len(self._splits) != len(self.manifest.shards):
            return []
        problems = []
        counts = SplitCounts.sum(self._splits)
        if counts != self.manifest.pairs:
            problems.append(f"counts {self.manifest.pairs}, but the shards hold {counts}")
        if self.plan is not None:
            failures = merge_variant_failures((*self.plan.unreadable, *self._failures), self.manifest.variants)
            if self.manifest.statistics != total_statistics(self._statistics, failures):
                problems.append("its statistics are not the sum of the shards' statistics")
            if self.manifest.failures != failures:
                problems.append("its failures are not those of the plan and the shards")
        return [Damage(MANIFEST_NAME, problem, REMAKE_MANIFEST) for problem in problems]

    def _place_problems(self, entry: PairEntry, shard: int, name: str) -> Iterator[str]:
        first_name = self._shard_of_key.setdefault(entry.key, name)
        if first_name != name:
            yield f"has the key of a pair in {first_name}"
        if entry.shard != shard:
            yield f"says that it is in the shard with number {entry.shard}, not {shard}"

    def _entry_problems(
        self, entry: PairEntry, shard: int, planned: Mapping[str, PlannedPhoto] | None
    ) -> Iterator[str]:
        document = self.manifest or self.plan
        if document is None:
            return
        if entry.style >= len(document.teachers):
            yield f"has style {entry.style}, but the set has {counted(len(document.teachers), 'style')}"
        if document.fit == "crop" and (entry.height_px, entry.width_px) != (document.size, document.size):
            yield f"is {entry.width_px}x{entry.height_px} px, but the set's pairs are {document.size} px squares"
        if document.fit == "fit" and max(entry.height_px, entry.width_px) > document.size:
            yield f"is {entry.width_px}x{entry.height_px} px, but the set's pairs are at most {document.size} px"
        yield from self._split_problems(entry, shard)
        if planned is not None:
            photo = planned.get(entry.key if is_imported(document) else f"{entry.sha256} {entry.source}")
            if photo is None or (photo.source, photo.sha256, photo.split) != (entry.source, entry.sha256, entry.split):
                yield "is not in the plan for this shard with that source, digest and split"

    def _split_problems(self, entry: PairEntry, shard: int) -> Iterator[str]:
        document = self.manifest or self.plan
        if self.manifest is not None and self.manifest.shards[shard].split not in (None, entry.split):
            yield f"is in split {entry.split}, but its shard holds {self.manifest.shards[shard].split}"
        # The source of an import may have stated the splits; they then need not follow from the digests.
        if document is None or document.teachers[0].settings.get("splits") == "given":
            return
        shares = {"val_share": document.val_share, "test_share": document.test_share}
        expected = assign_split(entry.sha256, **shares, seed=document.seed)
        if entry.split != expected:
            yield f"is in split {entry.split}, but its photo's digest and the shares say {expected}"

    def _planned_photos(self, shard: int) -> dict[str, PlannedPhoto] | None:
        """Return the planned photos by digest and source; in an imported set, where these may occur twice, by key."""
        if self.plan is None:
            return None
        by_key = is_imported(self.plan)
        photos = self.plan.photos_of_shard(shard)
        return {photo.key if by_key else f"{photo.sha256} {photo.source}": photo for photo in photos}

    def _completeness_problems(self, index: ShardIndex, planned: Mapping[str, PlannedPhoto]) -> Iterator[str]:
        if self.plan is None:
            return
        if is_imported(self.plan):
            expected = set(planned)
        else:
            failed = {(failure.source, failure.sha256, failure.style) for failure in index.failures}
            expected = {
                pair.key
                for photo in planned.values()
                for pair in self.plan.pairs_of_photo(photo)
                if not failed & {(photo.source, photo.sha256, style) for style in (None, pair.style)}
            }
        keys = {entry.key for entry in index.pairs}
        if len(keys) != len(index.pairs):
            yield "has a pair twice"
        for key in sorted(expected - keys):
            yield f"lacks the planned pair {key}, and no failure says why"
        for key in sorted(keys - expected):
            yield f"has the pair {key}, which is not planned or is listed as failed"


def is_imported(document: PairManifest | PairPlan) -> bool:
    """Return whether the set was imported or is a pair of plain folders, rather than made by make-pairs."""
    return "splits" in document.teachers[0].settings
