"""What lies beside a network's files: where it came from, and digests that are checked on load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pix2style.errors import ArtifactError
from pix2style.files import read_json, sha256_bytes, sha256_file, sha256_folder, write_json
from pix2style.teachers.magenta.network import LICENCE, LICENCE_SOURCE

RECORD_FILE = "teacher.json"
STYLE_FILE = "style.onnx"
TRANSFORMER_FILE = "transformer.onnx"
_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file.

    Attributes:
        sha256: of its bytes.
        size_bytes: how many.
    """

    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """The record of a file that is there."""
        return cls(sha256_file(path), path.stat().st_size)

    def read(self, path: Path) -> bytes:
        """The file's bytes.

        Raises:
            ArtifactError: they are not those of the record.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _damaged(path, error.strerror or str(error)) from error
        if sha256_bytes(data) != self.sha256:
            raise _damaged(path, "its SHA-256 is not that in teacher.json")
        return data


@dataclass(frozen=True, slots=True)
class Conversion:
    """What `pix2style teacher convert` wrote beside the two ONNX files.

    Attributes:
        source_sha256: digest of the SavedModel's folder.
        style_length: K, the numbers in a style's vector.
        files: by name.
        versions: of the programs that converted, by name.
    """

    source_sha256: str
    style_length: int
    files: Mapping[str, FileRecord]
    versions: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write `teacher.json`; the same conversion gives the same bytes."""
        write_json(folder / RECORD_FILE, {**asdict(self), **_HEAD, "kind": "magenta-onnx"})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `teacher.json`.

        Raises:
            ArtifactError: it is missing, damaged, or of an unknown version.
        """
        path = folder / RECORD_FILE
        value = _read_record(path, "magenta-onnx")
        try:
            files = {
                name: FileRecord(str(one["sha256"]), int(one["size_bytes"])) for name, one in value["files"].items()
            }
            record = cls(str(value["source_sha256"]), int(value["style_length"]), files, dict(value["versions"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(path, f"has no proper {error}") from error
        if set(files) != {STYLE_FILE, TRANSFORMER_FILE}:
            raise _damaged(path, f"names other files than {STYLE_FILE} and {TRANSFORMER_FILE}")
        return record


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `pix2style teacher fetch` wrote beside a network in the cache.

    Attributes:
        sha256: digest of the network's folder.
        origin: where it came from, without local paths.
    """

    sha256: str
    origin: str

    def write(self, folder: Path) -> None:
        """Write `teacher.json`."""
        write_json(folder / RECORD_FILE, {**asdict(self), **_HEAD, "kind": "magenta"})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `teacher.json`.

        Raises:
            ArtifactError: it is missing, damaged, or of an unknown version.
        """
        path = folder / RECORD_FILE
        value = _read_record(path, "magenta")
        try:
            return cls(str(value["sha256"]), str(value["origin"]))
        except KeyError as error:
            raise _damaged(path, f"has no {error}") from error

    def check(self, network: Path) -> None:
        """Compare the network's folder with its digest.

        Raises:
            ArtifactError: they differ.
        """
        if not network.is_dir() or sha256_folder(network) != self.sha256:
            raise ArtifactError(
                f"{network}: is damaged (its SHA-256 is not that of its teacher.json):"
                " fetch it again with: pix2style teacher fetch --again"
            )


_HEAD = {"schema_version": _SCHEMA_VERSION, "licence": LICENCE, "licence_source": LICENCE_SOURCE}

_MEND = "make it again (pix2style teacher fetch --again; or delete {folder}, and pix2style teacher convert)"


def _read_record(path: Path, kind: str) -> dict[str, Any]:
    try:
        value = read_json(path)
    except ArtifactError as error:
        raise ArtifactError(f"{error}: {_MEND.format(folder=path.parent)}") from error
    if not isinstance(value, dict) or value.get("kind") != kind:
        raise _damaged(path, f"does not describe a {kind}")
    if value.get("schema_version") != _SCHEMA_VERSION:
        raise ArtifactError(
            f"{path}: has schema version {value.get('schema_version')!r}, this pix2style knows {_SCHEMA_VERSION}:"
            " update pix2style, or delete the folder and make it again"
        )
    return value


def _damaged(path: Path, what: str) -> ArtifactError:
    return ArtifactError(f"{path}: is damaged ({what}): {_MEND.format(folder=path.parent)}")
