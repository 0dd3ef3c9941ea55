"""One shard being made: begun where an earlier run left it, and finished with an index."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pix2style.files import sha256_file, write_json
from pix2style.pairs.build.content import ContentImage
from pix2style.pairs.build.pipeline import Batch, Outcome
from pix2style.pairs.build.stylize import PairStylizer
from pix2style.pairs.format.failures import count_reasons
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import (
    Failure,
    PairEntry,
    ShardIndex,
    ShardRecord,
    ShardStatistics,
    SplitCounts,
)
from pix2style.pairs.format.plan import PairPlan, PlannedPair
from pix2style.pairs.format.shards import ShardWriter, explained_write_errors, recover_pairs, shard_name, write_index
from pix2style.pairs.format.statistics import statistics_of


@dataclass(frozen=True, slots=True)
class ShardSummary:
    """A finished shard, without its pairs: memory must not grow with them.

    Attributes:
        record: as the manifest lists it.
        splits: pairs per split.
        statistics: in figures.
        failures: photos that gave no pair.
        new_pairs: pairs that this run made.
    """

    record: ShardRecord
    splits: SplitCounts
    statistics: ShardStatistics
    failures: tuple[Failure, ...]
    new_pairs: int = 0


@dataclass(slots=True)
class ShardBuilder:
    """A shard that this process writes.

    Attributes:
        folder: of the set.
        plan: of the set.
        number: of the shard.
        batches_left: not yet appended.
        new_pairs: pairs made by this run.
    """

    folder: PairSetFolder
    plan: PairPlan
    number: int
    batches_left: int = 0
    new_pairs: int = 0
    _writer: ShardWriter = field(init=False)
    _entries: dict[str, PairEntry] = field(default_factory=dict, init=False)
    _failures: list[Failure] = field(default_factory=list, init=False)
    _begun: float = field(default_factory=time.perf_counter, init=False)
    _teacher_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        partial = self.folder.reopen_shard(self.number)
        self._writer = ShardWriter(partial, self.plan.format)

    def close(self) -> None:
        """Leave the shard as it is; a later run goes on from there."""
        self._writer.close()

    def batches(self, painter: PairStylizer, size: int) -> list[Batch]:
        """What is missing, after an earlier run's whole pairs have been taken up.

        Args:
            painter: to see whether a photo without a pair can still not be painted.
            size: photos in a batch. Batches begin at fixed places, so that a teacher whose rounding depends on its
                batch gives the same after a resume.
        """
        photos = self.plan.shard(self.number)
        pairs = [pair for photo in photos for pair in self.plan.pairs(photo)]
        self._take_up(pairs, painter)
        missing = frozenset(pair.key for pair in pairs if pair.key not in self._entries)
        found = []
        for first in range(0, len(photos), size):
            group = photos[first : first + size]
            group_pairs = tuple(pair for photo in group for pair in self.plan.pairs(photo))
            group_missing = missing & {pair.key for pair in group_pairs}
            if group_missing:
                found.append(Batch(self.number, group, group_pairs, group_missing))
        self.batches_left = len(found)
        return found

    @property
    def kept(self) -> int:
        """Pairs of an earlier run."""
        return len(self._entries) - self.new_pairs

    def append(self, outcome: Outcome) -> None:
        """Write the pairs of the next batch."""
        for pair in outcome.pairs:
            self._entries[pair.stored.key] = self._writer.append(pair.stored, pair.content, pair.target, self.number)
        self.new_pairs += len(outcome.pairs)
        self._failures += outcome.failures
        self._teacher_s += outcome.teacher_s
        self.batches_left -= 1

    def finish(self) -> ShardSummary:
        """End the archive, and write index and timing."""
        self._writer.finish()
        self._writer.close()
        place = {(photo.source, photo.sha256): i for i, photo in enumerate(self.plan.shard(self.number))}
        self._failures.sort(
            key=lambda one: (place[one.source, one.sha256 or ""], -1 if one.style is None else one.style)
        )
        entries = list(self._entries.values())
        statistics = statistics_of(len(place), entries, self._failures, self.plan)
        tar = self.folder.tar(self.number)
        index = write_index(tar, self.number, entries, self._failures, statistics)
        self._write_timing()
        return summarize_shard(self.folder, index, new_pairs=self.new_pairs)

    def _take_up(self, pairs: Sequence[PlannedPair], painter: PairStylizer) -> None:
        """Keep the whole pairs that an earlier run has left, and cut off the rest."""
        partial = self.folder.partial(self.number)
        with explained_write_errors(partial):
            found = {entry.key: (entry, end) for entry, end in recover_pairs(partial, pairs, self.plan.format)}
        kept_end = 0
        for pair in pairs:
            if len(self._entries) == len(found):
                break
            if pair.key in found:
                self._entries[pair.key], kept_end = found[pair.key]
            elif _gives_a_pair(pair, painter):
                break  # failed then, but not now: pairs stand in the order of the plan, so go on from here
        self._writer.cut(kept_end)

    def _write_timing(self) -> None:
        seconds = time.perf_counter() - self._begun
        timing = {
            "shard": self.number,
            "painted": self.new_pairs,
            "kept": self.kept,
            "seconds": round(seconds, 3),
            "teacher_seconds": round(self._teacher_s, 3),
            "pairs_per_second": round(self.new_pairs / seconds, 3) if seconds > 0 else 0.0,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": platform.node(),
        }
        with explained_write_errors(self.folder.timing(self.number)):
            write_json(self.folder.timing(self.number), timing)


def summarize_shard(folder: PairSetFolder, index: ShardIndex, *, new_pairs: int = 0) -> ShardSummary:
    """A finished shard without its pairs."""
    record = ShardRecord(
        name=shard_name(index.shard),
        sha256=index.sha256,
        size=index.size,
        index_sha256=sha256_file(folder.index(index.shard)),
        pairs=len(index.pairs),
    )
    splits = SplitCounts.of([pair.split for pair in index.pairs])
    return ShardSummary(record, splits, index.statistics, index.failures, new_pairs)


def total(statistics: Iterable[ShardStatistics], failures: Sequence[Failure]) -> ShardStatistics:
    """All shards together.

    Args:
        statistics: of each shard.
        failures: of the whole set, as its manifest lists them.
    """
    parts = list(statistics)
    return ShardStatistics(
        photos=sum(part.photos for part in parts),
        pairs=sum(part.pairs for part in parts),
        enlarged=sum(part.enlarged for part in parts),
        content_bytes=sum(part.content_bytes for part in parts),
        target_bytes=sum(part.target_bytes for part in parts),
        failures_by_reason=dict(sorted(count_reasons(failures).items())),
    )


def _gives_a_pair(pair: PlannedPair, painter: PairStylizer) -> bool:
    content = painter.read(pair.photo)
    return isinstance(content, ContentImage) and not painter.fails_on(content, pair)
