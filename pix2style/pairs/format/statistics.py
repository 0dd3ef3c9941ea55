"""Shards in figures: what follows from their pairs and failures."""

from __future__ import annotations

from collections.abc import Sequence

from pix2style.pairs.format.failures import count_reasons
from pix2style.pairs.format.manifest import Failure, PairEntry, ShardStatistics
from pix2style.pairs.format.plan import PairPlan


def statistics_of(
    photos: int, entries: Sequence[PairEntry], failures: Sequence[Failure], plan: PairPlan
) -> ShardStatistics:
    """A shard in figures."""
    shorter = [min(entry.photo_height_px, entry.photo_width_px) for entry in entries]
    return ShardStatistics(
        photos=photos,
        pairs=len(entries),
        enlarged=sum(side < plan.size for side in shorter) if plan.fit == "crop" else 0,
        content_bytes=sum(entry.content.size for entry in entries),
        target_bytes=sum(entry.target.size for entry in entries),
        failures_by_reason=dict(sorted(count_reasons(failures).items())),
    )
