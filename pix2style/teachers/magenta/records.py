"""The records teacher.json beside a network's files: where it came from, and digests that are checked on loading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pix2style.errors import ArtifactError
from pix2style.files import read_json, sha256_bytes, sha256_file, sha256_folder, write_json
from pix2style.teachers.magenta.network import SAVED_MODEL_LABEL, NetworkLabel

RECORD_FILE = "teacher.json"
STYLE_FILE = "style.onnx"
TRANSFORMER_FILE = "transformer.onnx"
_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Digest and size of one file.

    Attributes:
        sha256: Digest of the file's bytes.
        size_bytes: Number of bytes.
    """

    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Compute the record of an existing file."""
        return cls(sha256_file(path), path.stat().st_size)

    def read(self, path: Path) -> bytes:
        """Read a file and compare it with this record.

        Raises:
            ArtifactError: If the file cannot be read, or its bytes have another digest.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _damaged(path, error.strerror or str(error)) from error
        if sha256_bytes(data) != self.sha256:
            raise _damaged(path, "its SHA-256 is not that in teacher.json")
        return data


@dataclass(frozen=True, slots=True)
class ConversionRecord:
    """What a conversion records beside the two ONNX files.

    Attributes:
        source_sha256: Digest of what was converted: of the SavedModel's folder, or of the mobile network's files.
        style_length: Number of values in a style vector, K.
        files: Record of each ONNX file, by name.
        versions: Version of each program that took part in the conversion, by name.
        label: What the network is.
    """

    source_sha256: str
    style_length: int
    files: Mapping[str, FileRecord]
    versions: Mapping[str, str]
    label: NetworkLabel = SAVED_MODEL_LABEL

    def write(self, folder: Path) -> None:
        """Write `teacher.json`; the same conversion gives the same bytes."""
        values = asdict(self)
        del values["label"]
        write_json(folder / RECORD_FILE, {**values, **_header(self.label), "kind": "magenta-onnx"})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `teacher.json`.

        Raises:
            ArtifactError: If it is missing, damaged, or of an unknown version.
        """
        path = folder / RECORD_FILE
        value = _read_record(path, "magenta-onnx")
        try:
            files = {
                name: FileRecord(str(entry["sha256"]), int(entry["size_bytes"]))
                for name, entry in value["files"].items()
            }
            versions = dict(value["versions"])
            record = cls(str(value["source_sha256"]), int(value["style_length"]), files, versions, _label(value))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(path, f"an entry is missing or has a wrong type: {error}") from error
        if set(files) != {STYLE_FILE, TRANSFORMER_FILE}:
            raise _damaged(path, f"it must list the files {STYLE_FILE} and {TRANSFORMER_FILE}")
        return record


@dataclass(frozen=True, slots=True)
class DownloadRecord:
    """What `pix2style teacher fetch` records beside a network in the cache.

    Attributes:
        sha256: Digest of the network's folder.
        origin: Where the network came from, without local paths.
    """

    sha256: str
    origin: str

    def write(self, folder: Path) -> None:
        """Write `teacher.json`."""
        write_json(folder / RECORD_FILE, {**asdict(self), **_header(SAVED_MODEL_LABEL), "kind": "magenta"})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `teacher.json`.

        Raises:
            ArtifactError: If it is missing, damaged, or of an unknown version.
        """
        path = folder / RECORD_FILE
        value = _read_record(path, "magenta")
        try:
            return cls(str(value["sha256"]), str(value["origin"]))
        except KeyError as error:
            raise _damaged(path, f"it has no {error}") from error

    def check(self, network: Path) -> None:
        """Compare the network's folder with its digest.

        Raises:
            ArtifactError: If they differ.
        """
        if not network.is_dir() or sha256_folder(network) != self.sha256:
            raise ArtifactError(
                f"{network}: is damaged (its SHA-256 is not that of its teacher.json):"
                " fetch it again with: pix2style teacher fetch --again"
            )


def _header(label: NetworkLabel) -> dict[str, Any]:
    licence = {"licence": label.licence, "licence_source": label.licence_source}
    # A SavedModel's record needs no name, and keeps the bytes that it has always had.
    network = {"network": label.name, "source_files": dict(label.source_files)} if label.source_files else {}
    return {"schema_version": _SCHEMA_VERSION, **licence, **network}


def _label(value: dict[str, Any]) -> NetworkLabel:
    if "network" not in value:
        return SAVED_MODEL_LABEL
    files = {str(name): str(sha256) for name, sha256 in value["source_files"].items()}
    return NetworkLabel(str(value["network"]), str(value["licence"]), str(value["licence_source"]), files)


_REMEDY = "get it again (pix2style teacher fetch --again; or delete {folder}, then pix2style teacher convert)"


def _read_record(path: Path, kind: str) -> dict[str, Any]:
    try:
        value = read_json(path)
    except ArtifactError as error:
        raise ArtifactError(f"{error}: {_REMEDY.format(folder=path.parent)}") from error
    if not isinstance(value, dict) or value.get("kind") != kind:
        raise _damaged(path, f"it is not a record of the kind {kind}")
    if value.get("schema_version") != _SCHEMA_VERSION:
        raise ArtifactError(
            f"{path}: has schema version {value.get('schema_version')!r}, this pix2style reads {_SCHEMA_VERSION}:"
            " update pix2style, or delete the folder and make it again"
        )
    return value


def _damaged(path: Path, detail: str) -> ArtifactError:
    return ArtifactError(f"{path}: is damaged ({detail}): {_REMEDY.format(folder=path.parent)}")
