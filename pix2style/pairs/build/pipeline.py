"""Overlap loading, stylizing and encoding of batches, so that the teacher never waits for photos or disks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from pix2style.pairs.build.content import ContentImage
from pix2style.pairs.build.stylize import EncodedPair, PairStylizer
from pix2style.pairs.format.plan import PlannedPair
from pix2style.pairs.format.records import Failure, PlannedPhoto
from pix2style.processes import are_done, results_of
from pix2style.system.interrupts import interrupts_held

# Batches in memory: those that are loaded before the teacher needs them, and those that are encoded after it. Together
# with the batch at the teacher they bound the memory.
_BATCHES_LOADING = 2
_BATCHES_ENCODING = 2
# The work of a batch that took this long must be on the disk before the next one begins, in case the process is killed.
# Waiting for its encoding costs a hundredth of that time.
_SLOW_BATCH_S = 2.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos that are stylized together: always the same ones, even if an earlier run has finished some of them.

    Attributes:
        shard: Number of the shard that the photos belong to.
        photos: Photos and variants of the batch.
        pairs: Planned pairs of these photos, in all styles.
        missing: Keys of the pairs that still have to be made.
    """

    shard: int
    photos: tuple[PlannedPhoto, ...]
    pairs: tuple[PlannedPair, ...]
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of a batch.

    Attributes:
        batch: The batch.
        pairs: Pairs that were missing and have been made, in order.
        failures: Reasons for the missing pairs that could not be made: one for each photo, or for each photo and style.
        teacher_s: Seconds that the teacher worked.
    """

    batch: Batch
    pairs: list[EncodedPair]
    failures: list[Failure]
    teacher_s: float


@dataclass(frozen=True, slots=True)
class _StylizedBatch:
    """A stylized batch whose pairs are still being encoded."""

    batch: Batch
    pairs: list[Future[EncodedPair]]
    failures: list[Failure]
    teacher_s: float

    def is_encoded(self) -> bool:
        return are_done(self.pairs)

    def wait(self) -> BatchResult:
        return BatchResult(self.batch, results_of(self.pairs), self.failures, self.teacher_s)


_LoadingBatches = deque[tuple[Batch, list[Future[ContentImage | Failure]]]]


def stylize_batches(batches: Iterator[Batch], pair_stylizer: PairStylizer) -> Iterator[BatchResult]:
    """Stylize batches in order, with only a few of them in memory.

    The teacher works in the calling thread, so that Ctrl-C reaches it.

    Args:
        batches: Batches to stylize. The iterator is advanced only as far as photos are loaded in advance.
        pair_stylizer: Loads, stylizes and encodes.

    Yields:
        The result of each batch, in order.

    Raises:
        ArtifactError: See `PairStylizer.stylize`.
    """
    loading: _LoadingBatches = deque()
    encoding: deque[_StylizedBatch] = deque()
    _load_in_advance(batches, loading, pair_stylizer)
    while loading:
        batch, futures = loading.popleft()
        loaded = results_of(futures)
        # The next photos begin to load before the teacher begins, so that they load while it works.
        _load_in_advance(batches, loading, pair_stylizer)
        encoding.append(_stylize(batch, loaded, pair_stylizer))
        slow = encoding[-1].teacher_s > _SLOW_BATCH_S
        while encoding and (slow or len(encoding) > _BATCHES_ENCODING or encoding[0].is_encoded()):
            yield encoding.popleft().wait()
    while encoding:
        yield encoding.popleft().wait()


def _load_in_advance(batches: Iterator[Batch], loading: _LoadingBatches, pair_stylizer: PairStylizer) -> None:
    while len(loading) < _BATCHES_LOADING and (batch := next(batches, None)) is not None:
        with interrupts_held():
            loading.append((batch, [pair_stylizer.pool.submit(pair_stylizer.load, photo) for photo in batch.photos]))


def _stylize(batch: Batch, loaded: list[ContentImage | Failure], pair_stylizer: PairStylizer) -> _StylizedBatch:
    missing = [pair for pair in batch.pairs if pair.key in batch.missing]
    unfinished_photos = {pair.photo.key for pair in missing}
    failures = [
        result
        for photo, result in zip(batch.photos, loaded, strict=True)
        if isinstance(result, Failure) and photo.key in unfinished_photos
    ]
    contents = [result for result in loaded if isinstance(result, ContentImage)]
    if not unfinished_photos & {content.photo.key for content in contents}:
        return _StylizedBatch(batch, [], failures, 0.0)
    # The whole batch is stylized even if only some of its pairs are missing: the output of some teachers depends on the
    # other photos of the batch (by rounding), and must not depend on where an earlier run was interrupted.
    teacher_s_before = pair_stylizer.teacher_s
    encoded, teacher_failures = pair_stylizer.stylize(contents, batch.pairs)
    new_pairs = [encoded[pair.key] for pair in missing if pair.key in encoded]
    return _StylizedBatch(batch, new_pairs, failures + teacher_failures, pair_stylizer.teacher_s - teacher_s_before)
