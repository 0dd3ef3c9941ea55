"""Make shards in this process: the teacher works while other threads load photos and encode and write pairs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from pix2style.pairs.build.pipeline import Batch, BatchResult, stylize_batches
from pix2style.pairs.build.shard_builder import ShardBuilder
from pix2style.pairs.build.stylize import PairStylizer
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.shard_summary import ShardSummary, summarize_shard
from pix2style.processes import are_done, result_of
from pix2style.system.interrupts import interrupts_held

PairsDoneCallback = Callable[[int], None]
"""Called with the number of pairs that are done since the last call: made, kept from an earlier run, or failed."""

# Batches that wait for the disk. At this number the teacher waits too, because memory would grow otherwise.
_MAX_PENDING_WRITES = 4


@dataclass(frozen=True, slots=True)
class _WriteResult:
    """What the writing thread has done: the number of pairs, and the shard if it is finished."""

    pairs: int
    shard: ShardSummary | None = None


@dataclass(slots=True)
class LocalEngine:
    """Makes shards one after the other.

    Attributes:
        folder: Folder of the pair set, which this process has locked.
        plan: Plan of the pair set.
        pair_stylizer: Loads, stylizes and encodes.
        batch: Number of photos that a teacher stylizes at once.
        on_pairs_done: Called after every batch.
    """

    folder: PairSetFolder
    plan: PairPlan
    pair_stylizer: PairStylizer
    batch: int
    on_pairs_done: PairsDoneCallback
    _open_shards: dict[int, ShardBuilder] = field(default_factory=dict, init=False)
    _pending_writes: deque[Future[_WriteResult]] = field(default_factory=deque, init=False)
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1), init=False)

    def make(self, shards: Sequence[int]) -> Iterator[ShardSummary]:
        """Make the shards with these numbers.

        Yields:
            Each shard when it is finished.

        Raises:
            DataError: A shard cannot be written, or another process is writing it.
            ArtifactError: See `PairStylizer.stylize`.
        """
        try:
            for result in stylize_batches(self._batches(shards), self.pair_stylizer):
                builder = self._open_shards[result.batch.shard]
                with interrupts_held():
                    self._pending_writes.append(self._writer.submit(self._write, builder, result))
                yield from self._collect_writes(_MAX_PENDING_WRITES)
            yield from self._collect_writes(0)
        finally:
            self._writer.shutdown(wait=True)  # stylized batches are written even after an error or Ctrl-C
            for builder in self._open_shards.values():
                builder.close()

    def _batches(self, shards: Sequence[int]) -> Iterator[Batch]:
        for shard in shards:
            pairs = self.plan.pair_count_of_shard(shard)
            index = self.folder.read_finished_shard(shard, self.plan)
            if index is not None:  # another process has finished it since this process chose its shards
                summary = summarize_shard(index, self.folder.index(self.plan.shard_names[shard]))
                self._add_result(_WriteResult(pairs, summary))
                continue
            builder = self._open_shards[shard] = ShardBuilder(self.folder, self.plan, shard)
            batches = builder.batches(self.pair_stylizer, self.batch)
            kept = pairs - sum(len(batch.missing) for batch in batches)
            self._add_result(_WriteResult(kept, None if batches else builder.finish()))
            if not batches:
                del self._open_shards[shard]
            yield from batches

    def _add_result(self, result: _WriteResult) -> None:
        """Queue a result that needs no writing, so that results are reported in order."""
        future: Future[_WriteResult] = Future()
        with interrupts_held():
            future.set_result(result)
            self._pending_writes.append(future)

    def _write(self, builder: ShardBuilder, result: BatchResult) -> _WriteResult:
        """Write one batch. Runs in the only thread of the writer, so batches are written in order."""
        builder.append(result)
        if builder.batches_left:
            return _WriteResult(len(result.batch.missing))
        summary = builder.finish()
        del self._open_shards[builder.shard]
        return _WriteResult(len(result.batch.missing), summary)

    def _collect_writes(self, max_pending: int) -> Iterator[ShardSummary]:
        """Report the writes that are done, wait until at most `max_pending` are left, and yield finished shards."""
        pending = self._pending_writes
        while pending and (len(pending) > max_pending or are_done([pending[0]])):
            result = result_of(pending.popleft())
            self.on_pairs_done(result.pairs)
            if result.shard is not None:
                yield result.shard
