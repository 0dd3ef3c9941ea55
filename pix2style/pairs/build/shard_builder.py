"""Build one shard: resume what an earlier run has left of it, append the missing pairs, and write its index."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pix2style.files import write_json
from pix2style.pairs.build.content import ContentImage
from pix2style.pairs.build.pipeline import Batch, BatchResult
from pix2style.pairs.build.stylize import PairStylizer
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.plan import PairPlan, PlannedPair
from pix2style.pairs.format.records import Failure, PairEntry
from pix2style.pairs.format.shard_recovery import recover_pairs
from pix2style.pairs.format.shard_summary import ShardSummary, shard_statistics, summarize_shard
from pix2style.pairs.format.shards import ShardWriter, explain_write_errors, write_index


@dataclass(slots=True)
class ShardBuilder:
    """A shard that this process writes.

    Attributes:
        folder: Folder of the pair set.
        plan: Plan of the pair set.
        shard: Number of the shard.
        batches_left: Number of batches that have not been appended yet.
        new_pairs: Number of pairs that were made by this run.
    """

    folder: PairSetFolder
    plan: PairPlan
    shard: int
    batches_left: int = 0
    new_pairs: int = 0
    _writer: ShardWriter = field(init=False)
    _entries: dict[str, PairEntry] = field(default_factory=dict, init=False)
    _failures: list[Failure] = field(default_factory=list, init=False)
    _start: float = field(default_factory=time.perf_counter, init=False)
    _teacher_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        partial = self.folder.reopen_shard(self.name)
        self._writer = ShardWriter(partial, self.plan.format)

    @property
    def name(self) -> str:
        """Name of the shard's files without suffix."""
        return self.plan.shard_names[self.shard]

    def close(self) -> None:
        """Close the file of the shard as it is; a later run continues there."""
        self._writer.close()

    def batches(self, pair_stylizer: PairStylizer, size: int) -> list[Batch]:
        """Keep the complete pairs of an earlier run, and return the batches in which pairs are missing.

        Args:
            pair_stylizer: Tells whether a photo without a pair still fails.
            size: Number of photos in a batch. Batches begin at fixed positions, so that a teacher whose output depends
                on the batch (by rounding) gives the same result after an interruption.
        """
        photos = self.plan.photos_of_shard(self.shard)
        pairs = [pair for photo in photos for pair in self.plan.pairs_of_photo(photo)]
        self._recover(pairs, pair_stylizer)
        missing = frozenset(pair.key for pair in pairs if pair.key not in self._entries)
        batches = []
        for first in range(0, len(photos), size):
            batch_photos = photos[first : first + size]
            batch_pairs = tuple(pair for photo in batch_photos for pair in self.plan.pairs_of_photo(photo))
            batch_missing = missing & {pair.key for pair in batch_pairs}
            if batch_missing:
                batches.append(Batch(self.shard, batch_photos, batch_pairs, batch_missing))
        self.batches_left = len(batches)
        return batches

    def append(self, result: BatchResult) -> None:
        """Append the pairs of the next batch to the shard."""
        for pair in result.pairs:
            self._entries[pair.stored.key] = self._writer.append(pair.stored, pair.content, pair.target, self.shard)
        self.new_pairs += len(result.pairs)
        self._failures += result.failures
        self._teacher_s += result.teacher_s
        self.batches_left -= 1

    def finish(self) -> ShardSummary:
        """Complete the tar file, and write the index and the timing."""
        # The index follows the tar file's final name: a kill between them leaves a tar file without an index, which
        # the next run reopens.
        self._writer.finish()
        self._writer.close()
        position = {(photo.source, photo.sha256): i for i, photo in enumerate(self.plan.photos_of_shard(self.shard))}
        # Failures come in the order in which batches were resumed; sorting makes the index the same for every history.
        self._failures.sort(
            key=lambda failure: (
                position[failure.source, failure.sha256 or ""],
                -1 if failure.style is None else failure.style,
            )
        )
        entries = list(self._entries.values())
        statistics = shard_statistics(len(position), entries, self._failures, crop_px=self.plan.crop_px)
        index = write_index(self.folder.tar(self.name), self.shard, entries, self._failures, statistics)
        self._write_timing()
        return summarize_shard(index, self.folder.index(self.name), new_pairs=self.new_pairs)

    def _recover(self, pairs: Sequence[PlannedPair], pair_stylizer: PairStylizer) -> None:
        """Keep the complete pairs that an earlier run has left, and truncate the rest of the file."""
        partial = self.folder.partial(self.name)
        with explain_write_errors(partial):
            recovered = {entry.key: (entry, end) for entry, end in recover_pairs(partial, pairs, self.plan.format)}
        end = 0
        for pair in pairs:
            if len(self._entries) == len(recovered):
                break
            if pair.key in recovered:
                self._entries[pair.key], end = recovered[pair.key]
            elif _can_be_made(pair, pair_stylizer):
                # This photo failed in the earlier run but does not fail now. Pairs are stored in the order of the plan,
                # so the pairs after it are dropped and made again.
                break
        self._writer.truncate(end)

    def _write_timing(self) -> None:
        seconds = time.perf_counter() - self._start
        timing = {
            "shard": self.shard,
            "painted": self.new_pairs,
            "kept": len(self._entries) - self.new_pairs,
            "seconds": round(seconds, 3),
            "teacher_seconds": round(self._teacher_s, 3),
            "pairs_per_second": round(self.new_pairs / seconds, 3) if seconds > 0 else 0.0,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": platform.node(),
        }
        with explain_write_errors(self.folder.timing(self.name)):
            write_json(self.folder.timing(self.name), timing)


def _can_be_made(pair: PlannedPair, pair_stylizer: PairStylizer) -> bool:
    content = pair_stylizer.load(pair.photo)
    return isinstance(content, ContentImage) and not pair_stylizer.teacher_fails(content, pair)
