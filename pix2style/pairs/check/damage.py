"""One thing that is wrong with a pair set's files, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MAKE_SHARD_AGAIN = "delete {0}.tar and {0}.json and run the make-pairs that made the set again, or copy the set again"
MAKE_INDEX_AGAIN = (
    "delete {0}.json and run the make-pairs that made the set again: it takes up the pairs that are whole"
)
MAKE_MANIFEST_AGAIN = "delete manifest.json and run the make-pairs that made the set again: it keeps whole shards"
IMPORT_AGAIN = "import the set again (pix2style pairs import), or copy it again"
COPY_AGAIN = "copy the set again, or make it again in a new folder"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was written.

    Attributes:
        file: relative to the set's folder.
        what: is wrong.
        advice: what to do.
        key: of the pair that it is about, if it is about one.
        source: of that pair.
        offset: of the first wrong byte in the file, where that is known.
    """

    file: str
    what: str
    advice: str
    key: str | None = None
    source: str | None = None
    offset: int | None = None

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        pair = "" if self.key is None else f": pair {self.key} ({self.source})"
        return f"{self.file}{where}{pair}: {self.what}"

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)
