"""Describe one damage of a pair set's files, and how to repair it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REMAKE_SHARD = "delete {0}.tar and {0}.json and run the make-pairs that made the set again, or copy the set again"
REMAKE_INDEX = "delete {0}.json and run the make-pairs that made the set again: it keeps the pairs that are complete"
REMAKE_MANIFEST = "delete manifest.json and run the make-pairs that made the set again: it keeps finished shards"
IMPORT_AGAIN = "import the set again (pix2style pairs import), or copy it again"
COPY_AGAIN = "copy the set again, or make it again in a new folder"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a pair set that is not as it was written.

    Attributes:
        file: Path of the damaged file relative to the folder of the set.
        problem: What is wrong.
        advice: How to repair it.
        key: Key of the damaged pair, or None if the damage does not concern a single pair.
        source: Source of the damaged pair, or None if the damage does not concern a single pair.
        offset: Offset of the first wrong byte in the file, or None if it is unknown.
    """

    file: str
    problem: str
    advice: str
    key: str | None = None
    source: str | None = None
    offset: int | None = None

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        pair = "" if self.key is None else f": pair {self.key} ({self.source})"
        return f"{self.file}{where}{pair}: {self.problem}"

    def to_json(self) -> dict[str, Any]:
        """Return the damage for `--json`."""
        return {
            "file": self.file,
            "what": self.problem,
            "advice": self.advice,
            "key": self.key,
            "source": self.source,
            "offset": self.offset,
        }
