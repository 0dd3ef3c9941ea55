"""Names of snapshots and recordings, which never overwrite a file."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence
from pathlib import Path


def free_stem(folder: Path, suffixes: Sequence[str], now: datetime.datetime | None = None) -> Path:
    """Return a path without suffix in `folder`, named after the time, such that no file with a suffix exists.

    Args:
        folder: Folder of the files.
        suffixes: What is appended to the path, for example `-photo.png`.
        now: Time in the name; None for the current time of this machine's zone.
    """
    name = f"live-{now or datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}"
    for number in itertools.count(1):
        stem = folder / (name if number == 1 else f"{name}-{number}")
        if not any(stem.with_name(stem.name + suffix).exists() for suffix in suffixes):
            return stem
    raise AssertionError("numbers do not end")
