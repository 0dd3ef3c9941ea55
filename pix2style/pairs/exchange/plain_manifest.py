"""Describe plain folders of pairs by a manifest like that of a pair set."""

from __future__ import annotations

import hashlib
from collections import Counter

from pix2style.pairs.format.manifest import PairManifest, SplitCounts, TeacherRecord
from pix2style.pairs.format.records import PairEntry
from pix2style.pairs.format.shard_summary import shard_statistics
from pix2style.version import __version__

TEACHER_NAME = "own pairs"
_LICENCE = "not stated"


def entries_digest(entries: list[PairEntry]) -> str:
    """Return the SHA-256 over the names, splits and digests of all files."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(f"{entry.source}\0{entry.split}\0{entry.content.sha256}{entry.target.sha256}\n".encode())
    return digest.hexdigest()


def plain_manifest(
    entries: list[PairEntry], digest: str, shares: tuple[float, float], *, splits_given: bool
) -> PairManifest:
    """Describe the pairs like a pair set.

    Args:
        entries: The pairs.
        digest: Digest of the pairs, see `entries_digest`.
        shares: Shares of the validation and the test split, or zeros if names say the splits.
        splits_given: Whether names say the splits.
    """
    sizes = Counter((entry.height_px, entry.width_px) for entry in entries)
    all_same_square = len(sizes) == 1 and all(height == width for height, width in sizes)
    teacher = TeacherRecord(
        name=TEACHER_NAME,
        sha256=digest,
        licence=_LICENCE,
        settings={"source": "folders", "splits": "given" if splits_given else "by content"},
    )
    return PairManifest(
        plan_sha256=digest,
        pix2style_version=__version__,
        teachers=(teacher,),
        size=max(max(size) for size in sizes),
        fit="crop" if all_same_square else "keep",
        format="jpeg" if all(_is_jpeg(entry.source) for entry in entries) else "png",
        seed=0,
        val_share=float(shares[0]),
        test_share=float(shares[1]),
        pairs=SplitCounts.of([entry.split for entry in entries]),
        shards=(),
        statistics=shard_statistics(len(entries), entries, []),
        failures=(),
        duplicates=(),
    )


def _is_jpeg(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg", ".jfif"))
