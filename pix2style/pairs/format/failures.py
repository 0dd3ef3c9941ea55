"""Summarize the failures of a pair set for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pix2style.errors import DataError
from pix2style.pairs.format.manifest import Failure, strip_variant_suffix

_SHOWN_FAILURES = 5
# What a reason says of one file alone: numbers, and whatever stands in brackets.
_PARTICULARS = re.compile(r"\s*\(.*\)|\d[\d.,x]*")


def count_reasons(failures: Iterable[Failure]) -> Counter[str]:
    """How many failures there are of each kind: their reasons without what is particular to a file."""
    kinds = (" ".join(_PARTICULARS.sub("", failure.reason).split()) or failure.reason for failure in failures)
    return Counter(kinds)


def merge_variant_failures(failures: Iterable[Failure], variants: int) -> tuple[Failure, ...]:
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
    return failure.model_copy(update={"source": strip_variant_suffix(failure.source)})


def no_usable_photos_error(failures: Sequence[Failure]) -> DataError:
    """The error for content of which not one file can be used."""
    shown = "; ".join(f"{failure.source}: {failure.reason}" for failure in failures[:_SHOWN_FAILURES])
    more = f"; and {len(failures) - _SHOWN_FAILURES} more" if len(failures) > _SHOWN_FAILURES else ""
    return DataError(f"none of the {len(failures)} files can be read as a picture: {shown}{more}")
