"""Compute the statistics of shards, and summarize finished shards for the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style.files import sha256_file
from pix2style.pairs.format.failures import count_reasons
from pix2style.pairs.format.manifest import ShardIndex, ShardRecord, ShardStatistics, SplitCounts
from pix2style.pairs.format.records import Failure, PairEntry


@dataclass(frozen=True, slots=True)
class ShardSummary:
    """A finished shard without its pairs, so that memory does not grow with the number of pairs.

    Attributes:
        number: Number of the shard in the set.
        record: Record of the shard for the manifest.
        splits: Number of pairs in each split.
        statistics: Statistics of the shard.
        failures: Photos and variants that gave no pair.
        new_pairs: Number of pairs that were made by this run.
    """

    number: int
    record: ShardRecord
    splits: SplitCounts
    statistics: ShardStatistics
    failures: tuple[Failure, ...]
    new_pairs: int = 0


def summarize_shard(index: ShardIndex, index_path: Path, *, new_pairs: int = 0) -> ShardSummary:
    """Summarize a finished shard.

    Args:
        index: Index of the shard.
        index_path: File of the index.
        new_pairs: Number of pairs that were made by this run.
    """
    record = ShardRecord(
        name=index_path.stem,
        sha256=index.sha256,
        size=index.size,
        index_sha256=sha256_file(index_path),
        pairs=len(index.pairs),
    )
    splits = SplitCounts.of([pair.split for pair in index.pairs])
    return ShardSummary(index.shard, record, splits, index.statistics, index.failures, new_pairs)


def shard_statistics(
    photos: int, entries: Sequence[PairEntry], failures: Sequence[Failure], *, crop_px: int | None = None
) -> ShardStatistics:
    """Compute the statistics of a shard.

    Args:
        photos: Number of photos and variants that were planned for the shard.
        entries: Pairs of the shard.
        failures: Failures of the shard.
        crop_px: Side in pixels if photos are cropped to squares; smaller photos then count as enlarged. None if photos
            are never enlarged.
    """
    shorter_sides = [min(entry.photo_height_px, entry.photo_width_px) for entry in entries]
    return ShardStatistics(
        photos=photos,
        pairs=len(entries),
        enlarged=0 if crop_px is None else sum(side < crop_px for side in shorter_sides),
        content_bytes=sum(entry.content.size for entry in entries),
        target_bytes=sum(entry.target.size for entry in entries),
        failures_by_reason=dict(sorted(count_reasons(failures).items())),
    )


def total_statistics(statistics: Iterable[ShardStatistics], failures: Sequence[Failure]) -> ShardStatistics:
    """Add up the statistics of all shards.

    Args:
        statistics: Statistics of each shard.
        failures: Failures of the whole set as the manifest lists them. The failures of the shards cannot be added up,
            because those of a photo and its variants may be in several shards and count as one.
    """
    shards = list(statistics)
    return ShardStatistics(
        photos=sum(shard.photos for shard in shards),
        pairs=sum(shard.pairs for shard in shards),
        enlarged=sum(shard.enlarged for shard in shards),
        content_bytes=sum(shard.content_bytes for shard in shards),
        target_bytes=sum(shard.target_bytes for shard in shards),
        failures_by_reason=dict(sorted(count_reasons(failures).items())),
    )
