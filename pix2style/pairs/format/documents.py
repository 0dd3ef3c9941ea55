"""Read and validate the JSON files of a pair set."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pix2style.errors import DataError
from pix2style.images import read_file
from pix2style.pairs.format.records import Record


class _SchemaVersion(BaseModel):
    schema_version: int


_Document = TypeVar("_Document", bound=Record)


def parse_document(model: type[_Document], data: bytes, path: Path) -> _Document:
    """Parse and validate one JSON file of a pair set.

    Args:
        model: Class of the document.
        data: Bytes of the file.
        path: Path of the file, for error messages.

    Raises:
        DataError: The file is damaged or has a schema version that this version of pix2style does not support.
    """
    try:
        # The version is read first: a file of a later version would otherwise be reported as damaged.
        version = _SchemaVersion.model_validate_json(data).schema_version
        supported = get_args(model.model_fields["schema_version"].annotation)
        if version not in supported:
            raise DataError(
                f"{path}: has schema version {version}, but this pix2style reads {' and '.join(map(str, supported))}:"
                " use the pix2style that wrote the file, or make the pair set again"
            )
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = " -> ".join(str(part) for part in first["loc"]) or "file"
        raise DataError(
            f"{path}: is damaged or was not written by pix2style ({where}: {first['msg']}):"
            " copy the pair set again, or make it again in a new folder"
        ) from error


def read_document(model: type[_Document], path: Path) -> tuple[_Document, bytes]:
    """Read, parse and validate one JSON file of a pair set.

    Returns:
        The document and the bytes of the file, from which callers compute digests.

    Raises:
        DataError: The file is missing, unreadable or damaged, or has an unsupported schema version.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse_document(model, data, path), data
