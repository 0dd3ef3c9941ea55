"""Import and export parquet files with the columns `input_image` and `edited_image`, as on the Hugging Face Hub.

Both columns are structs {bytes, path}, the storage type of `datasets.Image`
(https://github.com/huggingface/datasets/blob/main/src/datasets/features/image.py); the metadata of the schema says so.
Other columns, such as the captions of edit datasets, are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from pix2style.errors import DataError, require
from pix2style.files import atomic_path
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.exchange.parquet_files import (
    SPLIT_COLUMN,
    choose_column_splits,
    choose_file_splits,
    find_parquet_files,
    refuse_contradictions,
)
from pix2style.pairs.exchange.sidecar import ExportDescription, PairDescription, describe_export, describe_pair
from pix2style.pairs.exchange.split_choice import SplitChoice
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import Failure, PairEntry, Split
from pix2style.pairs.format.shards import image_suffix

IMAGE_COLUMNS = ("input_image", "edited_image")
PROMPT_COLUMN = "edit_prompt"
_EXPORT_KEY = b"pix2style"
_TEXT_COLUMNS = ("key", "source", "split", "photo_sha256")
_NUMBER_COLUMNS = ("style", "photo_height_px", "photo_width_px")
_DESCRIPTION_COLUMNS = (*_TEXT_COLUMNS, *_NUMBER_COLUMNS)
# A row group is in memory as a whole when it is written and when it is read.
_GROUP_BYTES = 32 << 20
_FILE_BYTES = 500 << 20  # the size of a file that the Hub recommends
_ROWS_PER_READ = 16


class ParquetSource:
    """The pairs of parquet files; see `PairSource` for the attributes.

    Args:
        path: A file, or a folder with files. Splits follow from the column `split`, or from the names of files
            (`train-00000-of-00002.parquet`).

    Raises:
        DataError: There are no files, a file is damaged or lacks the columns, or the splits are not understood.
        MissingExtraError: pyarrow is not installed.
    """

    kind = "parquet"
    content_note = ""

    def __init__(self, path: Path) -> None:
        require("parquet", "pyarrow")
        self._files = find_parquet_files(path)
        if not self._files:
            raise DataError(f"{path}: there are no parquet files in it")
        heads = [_read_head(file) for file in self._files]
        self._rows = sum(head.rows for head in heads)
        export = heads[0].export
        self.teachers = export.teachers if export is not None and all(head.export == export for head in heads) else ()
        choice = choose_file_splits(path, self._files)
        file_values = [_read_split_column(file) for file in self._files]
        values = [value for of_file in file_values for value in of_file]
        self._column_splits: dict[object, Split] = {}
        if any(value is not None for value in values):
            self._column_splits = choose_column_splits(path, values)
            refuse_contradictions(path, self._files, file_values)
            choice = SplitChoice(None, f"by the column {SPLIT_COLUMN}")
        self._choice = choice
        self.splits_given = bool(self._column_splits) or choice.splits is not None
        self.split_reason = choice.reason

    def __len__(self) -> int:
        return self._rows

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """Yield the pairs; see `PairSource`."""
        for index, file in enumerate(self._files):
            for number, row in enumerate(_read_rows(file)):
                split = self._column_splits.get(row.get(SPLIT_COLUMN)) or self._choice.of(index)
                yield _row_to_pair(f"{file.name}:{number}", row, split, len(self.teachers))


def write_parquet(
    reader: PairReader, entries: Sequence[tuple[PairEntry, str]], split: Split, out: Path, *, prompt: str | None = None
) -> Iterator[PairEntry]:
    """Write the pairs of one split to files of about 500 MB, with the image files byte for byte as they are in the set.

    Args:
        reader: The pair set.
        entries: The pairs of the split, each with its name.
        split: The split, for the names of the files.
        out: Folder of the export.
        prompt: Text of the column `edit_prompt`, in which `{style}` stands for the name of the pair's style; None for
            no such column.

    Yields:
        Each pair when it is written.
    """
    files = _divide_into_files(entries)
    suffix = image_suffix(reader.manifest.format)
    for number, file_entries in enumerate(files):
        path = out / f"{split}-{number:05d}-of-{len(files):05d}.parquet"
        with atomic_path(path) as temporary:
            yield from _write_file(reader, file_entries, suffix, temporary, prompt)


def _write_file(
    reader: PairReader, entries: Sequence[tuple[PairEntry, str]], suffix: str, path: Path, prompt: str | None
) -> Iterator[PairEntry]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(reader, with_prompt=prompt is not None)
    compressed = [*_DESCRIPTION_COLUMNS, *([PROMPT_COLUMN] if prompt is not None else [])]
    # Only the text is compressed: the images are compressed already.
    with pq.ParquetWriter(path, schema, compression=dict.fromkeys(compressed, "zstd")) as writer:
        rows: list[dict[str, Any]] = []
        group_bytes = 0
        for entry, name in entries:
            files = dict(zip(IMAGE_COLUMNS, reader.read_bytes(entry), strict=True))
            images = {column: {"bytes": data, "path": f"{name}.{suffix}"} for column, data in files.items()}
            style = style_name(reader.manifest.teachers[entry.style].name)
            prompts = {} if prompt is None else {PROMPT_COLUMN: prompt.replace("{style}", style)}
            rows.append(images | prompts | describe_pair(entry, name).model_dump(include=set(_DESCRIPTION_COLUMNS)))
            group_bytes += sum(map(len, files.values()))
            yield entry
            if group_bytes >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows, group_bytes = [], 0
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def style_name(teacher: str) -> str:
    """Return the name of a style for a prompt: that of the teacher's painting without suffix, or of the teacher."""
    return PurePosixPath(teacher.rpartition(":")[2]).stem or teacher


def _schema(reader: PairReader, *, with_prompt: bool) -> Any:
    import pyarrow as pa

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    text_columns = (PROMPT_COLUMN, *_TEXT_COLUMNS) if with_prompt else _TEXT_COLUMNS
    # In the order of InstructPix2Pix's data sets: the photo, the prompt, the edited picture.
    types = {IMAGE_COLUMNS[0]: image, **({PROMPT_COLUMN: pa.string()} if with_prompt else {}), IMAGE_COLUMNS[1]: image}
    types |= dict.fromkeys(_TEXT_COLUMNS, pa.string()) | dict.fromkeys(_NUMBER_COLUMNS, pa.int64())
    features = {column: {"_type": "Image"} for column in IMAGE_COLUMNS}
    features |= {column: {"dtype": "string", "_type": "Value"} for column in text_columns}
    features |= {column: {"dtype": "int64", "_type": "Value"} for column in _NUMBER_COLUMNS}
    metadata = {
        b"huggingface": json.dumps({"info": {"features": features}}).encode(),
        _EXPORT_KEY: describe_export(reader.manifest, "parquet").model_dump_json().encode(),
    }
    return pa.schema(list(types.items()), metadata=metadata)


def _divide_into_files(entries: Sequence[tuple[PairEntry, str]]) -> list[list[tuple[PairEntry, str]]]:
    files: list[list[tuple[PairEntry, str]]] = []
    file_bytes = _FILE_BYTES
    for entry, name in entries:
        if file_bytes >= _FILE_BYTES:
            files.append([])
            file_bytes = 0
        files[-1].append((entry, name))
        file_bytes += entry.content.size + entry.target.size
    return files


@dataclass(frozen=True, slots=True)
class _FileHead:
    """The number of rows and the columns of a parquet file, and the description of the export that it belongs to."""

    rows: int
    columns: frozenset[str]
    export: ExportDescription | None


def _read_head(path: Path) -> _FileHead:
    """Read what precedes the rows of a file, and check its columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, int(file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _damaged_file_error(path, error) from error
    for column in IMAGE_COLUMNS:
        _check_image_column(path, schema, column)
    return _FileHead(rows, frozenset(schema.names), _read_export(path, (schema.metadata or {}).get(_EXPORT_KEY)))


def _check_image_column(path: Path, schema: Any, column: str) -> None:
    import pyarrow as pa

    if column not in schema.names:
        raise DataError(
            f"{path}: has no column {column} (it has {', '.join(schema.names)}): a set of pairs has the columns"
            " input_image and edited_image; rename yours"
        )
    column_type = schema.field(column).type
    fields = [field.name for field in column_type] if pa.types.is_struct(column_type) else []
    if "bytes" not in fields and not pa.types.is_binary(column_type) and not pa.types.is_large_binary(column_type):
        raise DataError(
            f"{path}: its column {column} is of type {column_type}: expected struct<bytes: binary, path: string>, as"
            " Hugging Face's Image feature stores it, or binary"
        )


def _read_export(path: Path, data: bytes | None) -> ExportDescription | None:
    try:
        return None if data is None else ExportDescription.model_validate_json(data)
    except ValidationError as error:
        raise DataError(f"{path}: its metadata 'pix2style' is damaged: export the set again") from error


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; only a few of them are in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = [name for name in file.schema_arrow.names if name in {*IMAGE_COLUMNS, *_DESCRIPTION_COLUMNS}]
            for batch in file.iter_batches(batch_size=_ROWS_PER_READ, columns=columns):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise _damaged_file_error(path, error) from error


def _read_split_column(path: Path) -> list[object]:
    """Return the values of the column `split`; None for all rows if the file has no such column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if SPLIT_COLUMN not in file.schema_arrow.names:
                return [None]
            return list(file.read(columns=[SPLIT_COLUMN]).column(0).to_pylist())
    except (pa.ArrowException, OSError) as error:
        raise _damaged_file_error(path, error) from error


def _damaged_file_error(path: Path, error: Exception) -> DataError:
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path}: is damaged or no parquet file ({first_line}): copy or download it again")


def _row_to_pair(name: str, row: dict[str, Any], split: Split | None, styles: int) -> SourcePair | Failure:
    """Convert a row to a pair. Its description counts only if it is complete, as in files that pix2style wrote.

    Args:
        name: Name of the row, for messages and as the source of pairs without one.
        row: Columns of the row.
        split: Split of the row, or None if the source does not say it.
        styles: Number of styles of the source, or 0 if it does not say them.
    """
    source = row.get("source")
    source = source if isinstance(source, str) and source else name
    content, target = (_image_bytes(row[column]) for column in IMAGE_COLUMNS)
    if content is None or target is None:
        column, role = (IMAGE_COLUMNS[0], "content") if content is None else (IMAGE_COLUMNS[1], "target")
        return Failure(source=source, sha256=None, reason=f"row {name}: {column} ({role}) holds no bytes")
    if any(row.get(column) is None for column in _DESCRIPTION_COLUMNS):
        return SourcePair(source, content, target, split)
    try:
        description = PairDescription.model_validate(
            {"name": name, **{column: row[column] for column in _DESCRIPTION_COLUMNS}}
        )
    except ValidationError as error:
        column = str(error.errors(include_url=False)[0]["loc"][0])
        return Failure(source=source, sha256=None, reason=f"row {name}: its column {column} is not valid")
    if description.style >= max(1, styles):
        return Failure(source=source, sha256=None, reason=f"row {name}: has an unknown style {description.style}")
    return description.to_pair(content, target)


def _image_bytes(value: Any) -> bytes | None:
    data = value.get("bytes") if isinstance(value, dict) else value
    return data if isinstance(data, bytes) else None
