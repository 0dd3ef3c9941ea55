"""Summarize for people why photos of a pair set gave no pair."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pix2style.errors import DataError
from pix2style.pairs.format.records import Failure, strip_variant_suffix

_SHOWN_FAILURES = 5
# Parts of a reason that differ from file to file: numbers, and text in brackets.
_FILE_SPECIFIC = re.compile(r"\s*\(.*\)|\d[\d.,x]*")


def count_reasons(failures: Iterable[Failure]) -> Counter[str]:
    """Count failures by the kind of their reason, which is the reason without numbers and text in brackets."""
    kinds = (" ".join(_FILE_SPECIFIC.sub("", failure.reason).split()) or failure.reason for failure in failures)
    return Counter(kinds)


def merge_variant_failures(failures: Iterable[Failure], variants: int) -> tuple[Failure, ...]:
    """Merge the failures of a file that cannot be read and of its variants into one failure.

    Failures of a teacher are not merged, because the variants of a photo are different images for it.

    Args:
        failures: Failures of the plan and of all shards, in order.
        variants: Number of variants of each train photo.
    """
    if not variants:
        return tuple(failures)
    return tuple(dict.fromkeys(_without_variant(failure) for failure in failures))


def no_usable_photos_error(failures: Sequence[Failure]) -> DataError:
    """Create the error for input of which not a single file can be used."""
    shown = "; ".join(f"{failure.source}: {failure.reason}" for failure in failures[:_SHOWN_FAILURES])
    more = f"; and {len(failures) - _SHOWN_FAILURES} more" if len(failures) > _SHOWN_FAILURES else ""
    if failures and all(failure.style is not None for failure in failures):
        photos = "the only photo" if len(failures) == 1 else f"any of the {len(failures):,} photos"
        return DataError(f"the teacher could not stylize {photos}: {shown}{more}")
    what = "the only file cannot" if len(failures) == 1 else f"none of the {len(failures):,} files can"
    return DataError(f"{what} be used: {shown}{more}")


def _without_variant(failure: Failure) -> Failure:
    if failure.style is not None:
        return failure
    return failure.model_copy(update={"source": strip_variant_suffix(failure.source)})
