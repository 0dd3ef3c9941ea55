"""The local engine: one teacher, in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from pix2style.pairs.build.pipeline import Batch, Outcome, stylize_batches
from pix2style.pairs.build.shard_builder import ShardBuilder, ShardSummary, summarize_shard
from pix2style.pairs.build.stylize import PairStylizer
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.plan import PairPlan

OnPairs = Callable[[int], None]
"""Told how many more pairs are done (made, kept from an earlier run, or found impossible)."""


# Batches that wait for the disk; with more, the teacher waits too, or memory would grow.
_MOST_UNWRITTEN = 4


@dataclass(frozen=True, slots=True)
class _Written:
    """What the writing thread has done: so many pairs more, and perhaps a whole shard."""

    pairs: int
    shard: ShardSummary | None = None


@dataclass(slots=True)
class LocalEngine:
    """Makes shards one after the other; the teacher works on while photos are read and pairs encoded and written.

    Attributes:
        folder: of the set, which this process has claimed.
        plan: of the set.
        painter: with the teachers.
        batch: photos painted at once.
        on_pairs: told of every batch.
    """

    folder: PairSetFolder
    plan: PairPlan
    painter: PairStylizer
    batch: int
    on_pairs: OnPairs
    _open: dict[int, ShardBuilder] = field(default_factory=dict, init=False)
    _unwritten: deque[Future[_Written]] = field(default_factory=deque, init=False)
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1), init=False)

    def make(self, numbers: Sequence[int]) -> Iterator[ShardSummary]:
        """Make shards.

        Yields:
            Each of them, once it is finished.

        Raises:
            DataError: a shard cannot be written, or another process is writing it.
            ArtifactError: see `PairStylizer.paint`.
        """
        try:
            for outcome in stylize_batches(self._batches(numbers), self.painter):
                self._unwritten.append(self._writer.submit(self._write, self._open[outcome.batch.shard], outcome))
                yield from self._written(_MOST_UNWRITTEN)
            yield from self._written(0)
        finally:
            self._writer.shutdown(wait=True)  # what is painted is not lost
            for work in self._open.values():
                work.close()

    def _batches(self, numbers: Sequence[int]) -> Iterator[Batch]:
        for number in numbers:
            pairs = self.plan.pair_count(number)
            index = self.folder.finished_shard(number, self.plan)
            if index is not None:  # by another process, since the numbers were chosen
                self._have_written(_Written(pairs, summarize_shard(self.folder, index)))
                continue
            work = self._open[number] = ShardBuilder(self.folder, self.plan, number)
            batches = work.batches(self.painter, self.batch)
            kept = pairs - sum(len(batch.missing) for batch in batches)
            self._have_written(_Written(kept, None if batches else work.finish()))
            if not batches:
                del self._open[number]
            yield from batches

    def _have_written(self, written: _Written) -> None:
        done: Future[_Written] = Future()
        done.set_result(written)
        self._unwritten.append(done)

    def _write(self, work: ShardBuilder, outcome: Outcome) -> _Written:
        """In the writing thread, batch after batch."""
        work.append(outcome)
        if work.batches_left:
            return _Written(len(outcome.batch.missing))
        summary = work.finish()
        del self._open[work.number]
        return _Written(len(outcome.batch.missing), summary)

    def _written(self, most_unwritten: int) -> Iterator[ShardSummary]:
        """Take note of what has been written, and wait until no more than so many batches have not."""
        while self._unwritten and (len(self._unwritten) > most_unwritten or self._unwritten[0].done()):
            written = self._unwritten.popleft().result()
            self.on_pairs(written.pairs)
            if written.shard is not None:
                yield written.shard
