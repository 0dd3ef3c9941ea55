"""Name the files of shards.

Each shard holds pairs of one split, which its name says: `train-00000.tar`, `val-00000.tar`. Programs that read plain
WebDataset therefore get no held-out pairs by `shards/train-*.tar`. Shards of schema versions 2 and 3 mix the splits and
are called `shard-00000.tar`. Where there is a manifest, it is read for the names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from pix2style.pairs.format.records import SPLITS, Split

_MIXED = "shard"
SHARD_NAME = rf"(?:{'|'.join((*SPLITS, _MIXED))})-[0-9]{{5}}"
"""Regular expression of a shard's name."""
_SHARD_FILE = re.compile(rf"({SHARD_NAME})\.(?:tar|json)")
_TAR_FILE = re.compile(rf"{SHARD_NAME}\.tar(?:\.partial)?")


def shard_name(split: Split | None, number: int) -> str:
    """Return the name of a shard's files without suffix, for example `train-00007`.

    Args:
        split: The only split in the shard, or None if the set's shards mix splits.
        number: Number of the shard among those of its split, from 0.
    """
    return f"{split or _MIXED}-{number:05d}"


def shard_names(splits: Iterable[Split | None]) -> list[str]:
    """Return the names of all shards of a set.

    Args:
        splits: The only split in each shard, in the order of the shards' numbers, or None where shards mix splits.
    """
    counts: Counter[Split | None] = Counter()
    names = []
    for split in splits:
        names.append(shard_name(split, counts[split]))
        counts[split] += 1
    return names


def name_of_shard_file(file_name: str) -> str | None:
    """Return the shard's name in the name of a finished tar file or an index; None for other files."""
    match = _SHARD_FILE.fullmatch(file_name)
    return match[1] if match else None


def is_tar_of_shard(file_name: str) -> bool:
    """Return whether a file has the name of a shard's tar file, finished or partial."""
    return _TAR_FILE.fullmatch(file_name) is not None


def sort_shard_names(names: Iterable[str]) -> list[str]:
    """Sort names in the order of the shards' numbers: those of train first, then those of val and of test."""
    prefixes = (*SPLITS, _MIXED)
    return sorted(names, key=lambda name: (prefixes.index(name.rpartition("-")[0]), name))
