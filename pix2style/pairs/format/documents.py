"""Reading a pair set's JSON files: typed, of a known schema, or an error that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pix2style.errors import DataError
from pix2style.images import read_file
from pix2style.pairs.format.manifest import Record


class _Version(BaseModel):
    schema_version: int


_Document = TypeVar("_Document", bound=Record)


def parse_document(model: type[_Document], data: bytes, path: Path) -> _Document:
    """Check one of a pair set's JSON files.

    Args:
        model: what the file holds.
        data: its bytes.
        path: its name, for messages.

    Raises:
        DataError: of an unknown schema version (never guessed at), or damaged.
    """
    try:
        version = _Version.model_validate_json(data).schema_version
        known = get_args(model.model_fields["schema_version"].annotation)
        if version not in known:
            raise DataError(
                f"{path}: has schema version {version}, this pix2style reads {' and '.join(map(str, known))}:"
                " use the pix2style that wrote it, or make the pair set again"
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
    """Read and check one of a pair set's JSON files; also gives its bytes, for digests.

    Raises:
        DataError: missing, unreadable, damaged, or of an unknown schema version.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse_document(model, data, path), data
