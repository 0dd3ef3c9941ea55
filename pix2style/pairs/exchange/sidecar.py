"""Write and read the sidecar files of an export: `pairs.jsonl` and `pairs.json`.

They hold what image files cannot say: the source, split and style of each pair, and the teachers. Both are optional. An
import without them uses the names of the files as sources, and assumes a single style.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from pix2style.errors import DataError
from pix2style.files import atomic_path, write_json
from pix2style.images import Image8
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.format.manifest import PairManifest, TeacherRecord
from pix2style.pairs.format.records import Key, PairEntry, Record, Sha256, Split

PAIRS_NAME = "pairs.jsonl"
EXPORT_NAME = "pairs.json"
_ADVICE = "delete both it and pairs.json to import by file names alone, or export the set again"


class ExportDescription(Record):
    """The description of an export, `pairs.json`."""

    layout: Literal["folders", "side-by-side", "parquet"]
    """Arrangement of the images."""
    pix2style_version: str
    """Version of pix2style that finished the exported set."""
    teachers: tuple[TeacherRecord, ...]
    """Teachers of the styles, in the order of the styles' ids."""
    content_side: Literal["left", "right"] | None = None
    """Half of a side-by-side image that holds the content; None for other layouts."""


class PairDescription(Record):
    """The description of one exported pair, a line of `pairs.jsonl`."""

    name: str
    """Path of the pair's files relative to their folder, without suffix."""
    key: Key
    """Key of the pair."""
    source: str
    """Source of the photo."""
    split: Split
    """Split of the pair."""
    style: int = Field(ge=0)
    """Id of the pair's style."""
    photo_sha256: Sha256
    """SHA-256 of the photo's file."""
    photo_height_px: int = Field(ge=1)
    """Height of the upright photo in pixels."""
    photo_width_px: int = Field(ge=1)
    """Width of the upright photo in pixels."""

    def to_pair(self, content: bytes | Image8, target: bytes | Image8) -> SourcePair:
        """Return the pair of these images for an import."""
        return SourcePair(
            source=self.source,
            content=content,
            target=target,
            split=self.split,
            style=self.style,
            key=self.key,
            photo_sha256=self.photo_sha256,
            photo_px=(self.photo_height_px, self.photo_width_px),
        )


def describe_pair(entry: PairEntry, name: str) -> PairDescription:
    """Describe a pair that is exported under a name."""
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


def describe_export(manifest: PairManifest, layout: Literal["folders", "side-by-side", "parquet"]) -> ExportDescription:
    """Describe the export of a set."""
    return ExportDescription(layout=layout, pix2style_version=manifest.pix2style_version, teachers=manifest.teachers)


def write_sidecar(folder: Path, export: ExportDescription, pairs: Iterable[PairDescription]) -> None:
    """Write both sidecar files into a folder."""
    with atomic_path(folder / PAIRS_NAME) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(pair.model_dump_json() + "\n" for pair in pairs)
    write_json(folder / EXPORT_NAME, export.model_dump(mode="json"))


def read_sidecar(folder: Path) -> tuple[ExportDescription | None, dict[str, PairDescription]]:
    """Read both sidecar files of a folder.

    Returns:
        The description of the export, and those of the pairs by name; None and an empty dictionary if a file is
        missing.

    Raises:
        DataError: A file is damaged. The message names the line.
    """
    if not (folder / EXPORT_NAME).is_file() or not (folder / PAIRS_NAME).is_file():
        return None, {}
    try:
        export = ExportDescription.model_validate_json((folder / EXPORT_NAME).read_bytes())
    except (ValidationError, OSError) as error:
        raise DataError(
            f"{folder / EXPORT_NAME}: is damaged or was not written by pix2style ({_first_message(error)}): {_ADVICE}"
        ) from error
    pairs: dict[str, PairDescription] = {}
    path = folder / PAIRS_NAME
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                pair = PairDescription.model_validate_json(line)
            except ValidationError as error:
                raise DataError(f"{path}: line {number} is damaged ({_first_message(error)}): {_ADVICE}") from error
            if pair.name in pairs or pair.style >= len(export.teachers):
                problem = "names the same pair as another line" if pair.name in pairs else "has an unknown style"
                raise DataError(f"{path}: line {number} {problem}: {_ADVICE}")
            pairs[pair.name] = pair
    return export, pairs


def describe_names(folder: Path, described: dict[str, PairDescription], names: Sequence[str]) -> list[PairDescription]:
    """Return the description of each pair in a folder, in order; an empty list if the folder has no sidecar.

    Names are compared in composed Unicode form, because macOS stores names of files in decomposed form.

    Args:
        folder: Folder of the sidecar.
        described: Descriptions of the pairs by name; empty if there is no sidecar.
        names: Names of the pairs in the folder.

    Raises:
        DataError: A pair is only in one of them. The message names it.
    """
    if not described:
        return []
    composed = {unicodedata.normalize("NFC", name): pair for name, pair in described.items()}
    composed_names = [unicodedata.normalize("NFC", name) for name in names]
    differing = sorted(composed.keys() ^ set(composed_names))
    if differing:
        name = differing[0]
        if name in composed:
            problem = f"describes the pair {name}, but a file of it is missing"
        else:
            problem = f"does not describe the pair {name}"
        raise DataError(
            f"{folder / PAIRS_NAME}: {problem} ({len(differing)} such pairs in all): put the files back, or delete"
            " pairs.jsonl and pairs.json to import by file names alone"
        )
    return [composed[name] for name in composed_names]


def _first_message(error: Exception) -> str:
    return str(error.errors(include_url=False)[0]["msg"]) if isinstance(error, ValidationError) else str(error)
