"""The local engine: one teacher, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from pix2style.pairs.folder import SetFolder
from pix2style.pairs.paint import Painter
from pix2style.pairs.pipeline import Batch, paint_all
from pix2style.pairs.plan import PairPlan
from pix2style.pairs.shard_work import ShardSummary, ShardWork, summary_of

OnPairs = Callable[[int], None]
"""Told how many more pairs are done (made, kept from an earlier run, or found impossible)."""


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

    folder: SetFolder
    plan: PairPlan
    painter: Painter
    batch: int
    on_pairs: OnPairs
    _open: dict[int, ShardWork] = field(default_factory=dict, init=False)
    _finishing: list[Future[ShardSummary]] = field(default_factory=list, init=False)

    def make(self, numbers: Sequence[int]) -> Iterator[ShardSummary]:
        """Make shards.

        Yields:
            Each of them, once it is finished.

        Raises:
            DataError: a shard cannot be written, or another process is writing it.
            ArtifactError: see `Painter.paint`.
        """
        try:
            for outcome in paint_all(self._batches(numbers), self.painter):
                work = self._open[outcome.batch.shard]
                work.append(outcome)
                self.on_pairs(len(outcome.batch.missing))
                if not work.batches_left:
                    self._finish(work)
                yield from self._finished(wait=False)
            yield from self._finished(wait=True)
        finally:
            for work in self._open.values():
                work.close()

    def _batches(self, numbers: Sequence[int]) -> Iterator[Batch]:
        for number in numbers:
            index = self.folder.finished_shard(number, self.plan)
            if index is not None:  # by another process, since the numbers were chosen
                done: Future[ShardSummary] = Future()
                done.set_result(summary_of(self.folder, index))
                self._finishing.append(done)
                self.on_pairs(self.plan.pair_count(number))
                continue
            work = self._open[number] = ShardWork(self.folder, self.plan, number)
            batches = work.batches(self.painter, self.batch)
            self.on_pairs(self.plan.pair_count(number) - sum(len(batch.missing) for batch in batches))
            if not batches:
                self._finish(work)
            yield from batches

    def _finish(self, work: ShardWork) -> None:
        """In the background: it reads the whole shard once more, for its digest."""
        del self._open[work.number]
        self._finishing.append(self.painter.pool.submit(work.finish))

    def _finished(self, *, wait: bool) -> list[ShardSummary]:
        ready = [future for future in self._finishing if wait or future.done()]
        self._finishing = [future for future in self._finishing if future not in ready]
        return [future.result() for future in ready]
