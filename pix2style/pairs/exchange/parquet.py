"""Parquet files as the Hugging Face Hub holds edits of pictures: columns `input_image` and `edited_image`.

Both are structs {bytes, path}, the storage of `datasets.Image`
(https://github.com/huggingface/datasets/blob/main/src/datasets/features/image.py), and the schema's metadata says so;
a caption column of other sets is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pix2style.errors import DataError, require
from pix2style.files import atomic_path
from pix2style.pairs.exchange.folders import described_pair
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.exchange.sidecar import ExportDescription, PairDescription, describe_export, describe_pair
from pix2style.pairs.format.manifest import SPLITS, Failure, PairEntry, Split
from pix2style.pairs.format.reader import PairReader

IMAGES = ("input_image", "edited_image")
_CARD_KEY = b"pix2style"
_TEXT = ("key", "source", "split", "photo_sha256")
_NUMBERS = ("style", "photo_height_px", "photo_width_px")
_LINE = (*_TEXT, *_NUMBERS)
# A row group is held in memory when it is written and when it is read.
_GROUP_BYTES = 32 << 20
_FILE_BYTES = 500 << 20  # what the Hub advises for one shard
_BATCH_ROWS = 16
_SPLIT_OF_NAME = re.compile(r"^(train|val|validation|test)[-._]")


class ParquetSource:
    """Pairs of parquet files.

    Args:
        path: a file, or a folder with files, which may be named by split (`train-00000-of-00002.parquet`).

    Raises:
        DataError: there are none, one is damaged, or lacks the columns.
        MissingExtraError: pyarrow is not installed.
    """

    kind = "parquet"

    def __init__(self, path: Path) -> None:
        require("parquet", "pyarrow")
        self._files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
        if not self._files:
            raise DataError(f"{path}: there are no parquet files in it")
        heads = [_head(file) for file in self._files]
        self._rows = sum(rows for rows, _, _ in heads)
        cards = [card for _, _, card in heads]
        self.teachers = cards[0].teachers if cards[0] is not None and all(card == cards[0] for card in cards) else ()
        by_name = all(_split_of_name(file) for file in self._files)
        self.splits_given = by_name or all("split" in columns for _, columns, _ in heads)

    def __len__(self) -> int:
        return self._rows

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """See `PairSource`."""
        for file in self._files:
            for number, row in enumerate(_rows(file)):
                yield _given(f"{file.name}:{number}", row, _split_of_name(file), len(self.teachers))


def write_parquet(
    reader: PairReader, entries: Sequence[tuple[PairEntry, str]], split: Split, out: Path
) -> Iterator[PairEntry]:
    """Write a split as files of some 500 MB; the pictures' bytes are those of the set. Gives each pair written.

    Args:
        reader: the set.
        entries: pairs of one split, with their names.
        split: of all.
        out: the folder.
    """
    files = _files_of(entries)
    suffix = "png" if reader.manifest.format == "png" else "jpg"
    for number, part in enumerate(files):
        path = out / f"{split}-{number:05d}-of-{len(files):05d}.parquet"
        with atomic_path(path) as temporary:
            yield from _write_file(reader, part, suffix, temporary)


def _write_file(
    reader: PairReader, entries: Sequence[tuple[PairEntry, str]], suffix: str, path: Path
) -> Iterator[PairEntry]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(reader)
    # Pictures are compressed already.
    with pq.ParquetWriter(path, schema, compression=dict.fromkeys(_LINE, "zstd")) as writer:
        rows: list[dict[str, Any]] = []
        held_bytes = 0
        for entry, name in entries:
            content, target = reader.read_bytes(entry)
            pictures = {IMAGES[0]: content, IMAGES[1]: target}
            images = {column: {"bytes": data, "path": f"{name}.{suffix}"} for column, data in pictures.items()}
            rows.append(images | describe_pair(entry, name).model_dump(include=set(_LINE)))
            held_bytes += len(content) + len(target)
            yield entry
            if held_bytes >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows, held_bytes = [], 0
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _schema(reader: PairReader) -> Any:
    import pyarrow as pa

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types = dict.fromkeys(IMAGES, image) | dict.fromkeys(_TEXT, pa.string()) | dict.fromkeys(_NUMBERS, pa.int64())
    features = {column: {"_type": "Image"} for column in IMAGES}
    features |= {column: {"dtype": "string", "_type": "Value"} for column in _TEXT}
    features |= {column: {"dtype": "int64", "_type": "Value"} for column in _NUMBERS}
    card = describe_export(reader.manifest, "parquet").model_dump_json().encode()
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode(), _CARD_KEY: card}
    return pa.schema(list(types.items()), metadata=metadata)


def _files_of(entries: Sequence[tuple[PairEntry, str]]) -> list[list[tuple[PairEntry, str]]]:
    files: list[list[tuple[PairEntry, str]]] = []
    held_bytes = _FILE_BYTES
    for entry, name in entries:
        if held_bytes >= _FILE_BYTES:
            files.append([])
            held_bytes = 0
        files[-1].append((entry, name))
        held_bytes += entry.content.size + entry.target.size
    return files


def _head(path: Path) -> tuple[int, frozenset[str], ExportDescription | None]:
    """Rows, columns and card of a file, whose columns are checked."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, int(file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    for column in IMAGES:
        if column not in schema.names:
            raise DataError(
                f"{path}: has no column {column} (it has {', '.join(schema.names)}): a set of pairs has the columns"
                " input_image and edited_image; rename yours"
            )
        kind = schema.field(column).type
        names = [field.name for field in kind] if pa.types.is_struct(kind) else []
        if "bytes" not in names and not pa.types.is_binary(kind) and not pa.types.is_large_binary(kind):
            raise DataError(
                f"{path}: its column {column} is of type {kind}: expected struct<bytes: binary, path: string>, as"
                " Hugging Face's Image feature stores it, or binary"
            )
    return rows, frozenset(schema.names), _card(path, (schema.metadata or {}).get(_CARD_KEY))


def _card(path: Path, data: bytes | None) -> ExportDescription | None:
    try:
        return None if data is None else ExportDescription.model_validate_json(data)
    except ValidationError as error:
        raise DataError(f"{path}: its metadata 'pix2style' is damaged: export the set again") from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """One row after the other; a few are held in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = [name for name in file.schema_arrow.names if name in {*IMAGES, *_LINE}]
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path}: is damaged or no parquet file ({first}): copy or download it again")


def _given(name: str, row: dict[str, Any], split: Split | None, styles: int) -> SourcePair | Failure:
    """A row as a pair; what else it says counts only if it says everything."""
    said = row.get("source")
    source = said if isinstance(said, str) and said else name
    content, target = (_bytes_of(row[column]) for column in IMAGES)
    if content is None or target is None:
        column, role = (IMAGES[0], "content") if content is None else (IMAGES[1], "target")
        return Failure(source=source, sha256=None, reason=f"row {name}: {column} ({role}) holds no bytes")
    if any(row.get(column) is None for column in _LINE):
        given = next((one for one in SPLITS if one == row.get("split")), split)
        return SourcePair(source, content, target, given)
    try:
        line = PairDescription.model_validate({"name": name, **{column: row[column] for column in _LINE}})
    except ValidationError as error:
        column = str(error.errors(include_url=False)[0]["loc"][0])
        return Failure(source=source, sha256=None, reason=f"row {name}: its column {column} is not valid")
    if line.style >= max(1, styles):
        return Failure(source=source, sha256=None, reason=f"row {name}: has an unknown style {line.style}")
    return described_pair(line, content, target)


def _bytes_of(value: Any) -> bytes | None:
    data = value.get("bytes") if isinstance(value, dict) else value
    return data if isinstance(data, bytes) else None


def _split_of_name(path: Path) -> Split | None:
    found = _SPLIT_OF_NAME.match(path.name)
    name = "" if found is None else found[1]
    return next((split for split in SPLITS if split == ("val" if name == "validation" else name)), None)
