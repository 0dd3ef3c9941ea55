"""Shards in figures: what follows from their pairs and failures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pix2style.pairs.manifest import Failure, PairEntry, ShardStatistics
from pix2style.pairs.plan import PairPlan

# What a reason says of one file alone: numbers, and whatever stands in brackets.
_PARTICULARS = re.compile(r"\s*\(.*\)|\d[\d.,x]*")


def count_reasons(failures: Iterable[Failure]) -> Counter[str]:
    """How many failures there are of each kind: their reasons without what is particular to a file."""
    kinds = (" ".join(_PARTICULARS.sub("", failure.reason).split()) or failure.reason for failure in failures)
    return Counter(kinds)


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
