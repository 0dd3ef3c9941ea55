"""Reading ahead of the teacher and encoding behind it, so that the teacher never waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from pix2style.pairs.build.content import ContentImage
from pix2style.pairs.build.stylize import EncodedPair, PairStylizer
from pix2style.pairs.format.manifest import Failure, PlannedPhoto
from pix2style.pairs.format.plan import PlannedPair

# Batches in memory: being read or waiting to be painted, and being encoded. With the one at the teacher, that is all.
_BATCHES_AHEAD = 2
_BATCHES_BEHIND = 2
# What such a batch has cost must be on the disk before the next one begins; encoding it takes a hundredth of that.
_SLOW_BATCH_S = 2.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos that are painted together: always the same ones, whatever an earlier run has done of them.

    Attributes:
        shard: that they belong to.
        photos: all of them.
        pairs: in all their styles.
        missing: keys of the pairs that are still to be made.
    """

    shard: int
    photos: tuple[PlannedPhoto, ...]
    pairs: tuple[PlannedPair, ...]
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        batch: which.
        pairs: those that were missing and now are made, in order.
        failures: why others are not, one a photo, or one a photo and style.
        teacher_s: seconds that the teacher painted.
    """

    batch: Batch
    pairs: list[EncodedPair]
    failures: list[Failure]
    teacher_s: float


@dataclass(frozen=True, slots=True)
class _Behind:
    batch: Batch
    pairs: list[Future[EncodedPair]]
    failures: list[Failure]
    teacher_s: float

    def done(self) -> bool:
        return all(future.done() for future in self.pairs)

    def outcome(self) -> Outcome:
        return Outcome(self.batch, [future.result() for future in self.pairs], self.failures, self.teacher_s)


def stylize_batches(batches: Iterator[Batch], painter: PairStylizer) -> Iterator[Outcome]:
    """Paint batches in order; memory holds a few of them, however many there are.

    The teacher works in the calling thread, so that Ctrl-C reaches it.

    Args:
        batches: taken up only as far ahead as photos are read.
        painter: who reads, paints and encodes.

    Yields:
        The outcome of each batch, in order.

    Raises:
        ArtifactError: see `PairStylizer.paint`.
    """
    ahead: deque[tuple[Batch, list[Future[ContentImage | Failure]]]] = deque()
    behind: deque[_Behind] = deque()
    _read_ahead(batches, ahead, painter)
    while ahead:
        batch, futures = ahead.popleft()
        read = [future.result() for future in futures]
        _read_ahead(batches, ahead, painter)
        behind.append(_paint(batch, read, painter))
        slow = behind[-1].teacher_s > _SLOW_BATCH_S
        while behind and (slow or len(behind) > _BATCHES_BEHIND or behind[0].done()):
            yield behind.popleft().outcome()
    while behind:
        yield behind.popleft().outcome()


def _read_ahead(
    batches: Iterator[Batch], ahead: deque[tuple[Batch, list[Future[ContentImage | Failure]]]], painter: PairStylizer
) -> None:
    while len(ahead) < _BATCHES_AHEAD and (batch := next(batches, None)) is not None:
        ahead.append((batch, [painter.pool.submit(painter.read, photo) for photo in batch.photos]))


def _paint(batch: Batch, read: list[ContentImage | Failure], painter: PairStylizer) -> _Behind:
    missing = [pair for pair in batch.pairs if pair.key in batch.missing]
    unfinished = {pair.photo.key for pair in missing}
    outcomes = list(zip(batch.photos, read, strict=True))
    failures = [one for photo, one in outcomes if isinstance(one, Failure) and photo.key in unfinished]
    contents = [one for one in read if isinstance(one, ContentImage)]
    if not unfinished & {content.photo.key for content in contents}:
        return _Behind(batch, [], failures, 0.0)
    # A whole batch or nothing, so that what a teacher paints cannot depend on where an earlier run was stopped.
    before_s = painter.teacher_s
    found, refused = painter.paint(contents, batch.pairs)
    made = [found[pair.key] for pair in missing if pair.key in found]
    return _Behind(batch, made, failures + refused, painter.teacher_s - before_s)
