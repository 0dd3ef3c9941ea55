"""Shards in figures: what follows from their pairs and failures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pix2style.pairs.format.manifest import Failure, PairEntry, ShardStatistics, without_mark
from pix2style.pairs.format.plan import PairPlan

# What a reason says of one file alone: numbers, and whatever stands in brackets.
_PARTICULARS = re.compile(r"\s*\(.*\)|\d[\d.,x]*")


def count_reasons(failures: Iterable[Failure]) -> Counter[str]:
    """How many failures there are of each kind: their reasons without what is particular to a file."""
    kinds = (" ".join(_PARTICULARS.sub("", failure.reason).split()) or failure.reason for failure in failures)
    return Counter(kinds)


def told_once(failures: Iterable[Failure], variants: int) -> tuple[Failure, ...]:
    """Failures of a whole set, for people: a file that cannot be read is one, not one for each of its variants.

    What a teacher could not paint stays apart, as variants are different pictures to it.

    Args:
        failures: of the plan and all shards, in order.
        variants: of the set's train photos.
    """
    if not variants:
        return tuple(failures)
    return tuple(dict.fromkeys(_of_file(failure) for failure in failures))


def _of_file(failure: Failure) -> Failure:
    if failure.style is not None:
        return failure
    return failure.model_copy(update={"source": without_mark(failure.source)})


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
