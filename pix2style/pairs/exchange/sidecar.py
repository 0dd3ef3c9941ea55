"""What picture files cannot say: sources, splits and styles, in `pairs.jsonl` beside them; teachers in `pairs.json`.

Both are optional: without them an import takes names as sources, and pictures for one style.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from pix2style.errors import DataError
from pix2style.files import atomic_path, write_json
from pix2style.pairs.format.manifest import Key, PairEntry, PairManifest, Record, Sha256, Split, TeacherRecord

LINES_NAME = "pairs.jsonl"
CARD_NAME = "pairs.json"
_DO = "delete both it and pairs.json to import by file names alone, or export the set again"


class ExportDescription(Record):
    """`pairs.json`: what was exported."""

    layout: Literal["folders", "side-by-side", "parquet"]
    """How the pictures lie."""
    pix2style_version: str
    """That exported them."""
    teachers: tuple[TeacherRecord, ...]
    """Who painted, by style."""
    content_side: Literal["left", "right"] | None = None
    """Of side-by-side pictures."""


class PairDescription(Record):
    """A line of `pairs.jsonl`: one pair."""

    name: str
    """Of its files, relative and without suffix."""
    key: Key
    """Of the pair."""
    source: str
    """Of the photo."""
    split: Split
    """Of the pair."""
    style: int = Field(ge=0)
    """Id of its style."""
    photo_sha256: Sha256
    """Of the photo's file."""
    photo_height_px: int = Field(ge=1)
    """Of the photo as read."""
    photo_width_px: int = Field(ge=1)
    """Of the photo as read."""


def describe_pair(entry: PairEntry, name: str) -> PairDescription:
    """A pair's line."""
    return PairDescription(
        name=name,
        key=entry.key,
        source=entry.source,
        split=entry.split,
        style=entry.style,
        photo_sha256=entry.sha256,
        photo_height_px=entry.photo_height_px,
        photo_width_px=entry.photo_width_px,
    )


def write_sidecar(folder: Path, card: ExportDescription, lines: Iterable[PairDescription]) -> None:
    """Write both files."""
    with atomic_path(folder / LINES_NAME) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(line.model_dump_json() + "\n" for line in lines)
    write_json(folder / CARD_NAME, card.model_dump(mode="json"))


def describe_export(manifest: PairManifest, layout: Literal["folders", "side-by-side", "parquet"]) -> ExportDescription:
    """What an export says of its set."""
    return ExportDescription(layout=layout, pix2style_version=manifest.pix2style_version, teachers=manifest.teachers)


def read_sidecar(folder: Path) -> tuple[ExportDescription | None, dict[str, PairDescription]]:
    """The card, and the lines by name; nothing where there is nothing.

    Raises:
        DataError: one of the files is damaged; names the line.
    """
    if not (folder / CARD_NAME).is_file() or not (folder / LINES_NAME).is_file():
        return None, {}
    try:
        card = ExportDescription.model_validate_json((folder / CARD_NAME).read_bytes())
    except (ValidationError, OSError) as error:
        raise DataError(f"{folder / CARD_NAME}: is damaged or not of pix2style ({_first(error)}): {_DO}") from error
    lines: dict[str, PairDescription] = {}
    path = folder / LINES_NAME
    with path.open("rb") as stream:
        for number, text in enumerate(stream, start=1):
            try:
                line = PairDescription.model_validate_json(text)
            except ValidationError as error:
                raise DataError(f"{path}: line {number} is damaged ({_first(error)}): {_DO}") from error
            if line.name in lines or line.style >= len(card.teachers):
                what = "names the same pair as another line" if line.name in lines else "has an unknown style"
                raise DataError(f"{path}: line {number} {what}: {_DO}")
            lines[line.name] = line
    return card, lines


def _first(error: Exception) -> str:
    return str(error.errors(include_url=False)[0]["msg"]) if isinstance(error, ValidationError) else str(error)
