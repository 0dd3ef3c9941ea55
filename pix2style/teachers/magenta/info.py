"""Describe a network and its backends, for `pix2style teacher info`."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.teachers.magenta.cache import LocatedNetwork, converted_folder
from pix2style.teachers.magenta.records import ConversionRecord, FileRecord


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """A network, its files, and the backends that can run it on this machine.

    Attributes:
        located: Where the network lies.
        style_length: Number of values in a style vector, K; None if it is unknown, because there is neither TensorFlow
            nor a conversion.
        files: Digest and size of each file of the network, by name.
        conversion: Folder of the conversion for ONNX Runtime; None if there is none.
        conversion_files: Digest and size of each file of the conversion, by name.
        backends: Backends that would work now, the preferred one first.
    """

    located: LocatedNetwork
    style_length: int | None
    files: dict[str, FileRecord]
    conversion: Path | None
    conversion_files: dict[str, FileRecord]
    backends: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the values that `pix2style teacher info --json` prints."""
        return {
            "name": "magenta",
            "what": self.located.label.name,
            "licence": self.located.label.licence,
            "licence_source": self.located.label.licence_source,
            "folder": str(self.located.folder),
            "form": "onnx" if self.located.converted else "saved_model",
            "origin": self.located.origin,
            "cached": self.located.cached,
            "sha256": self.located.source_sha256,
            "source_files": dict(self.located.label.source_files),
            "style_length": self.style_length,
            "files": _as_json(self.files),
            "conversion": None if self.conversion is None else str(self.conversion),
            "conversion_files": _as_json(self.conversion_files),
            "backends": list(self.backends),
        }


def describe(located: LocatedNetwork) -> NetworkInfo:
    """Inspect a network. Checks the digests of a conversion, and loads a SavedModel if TensorFlow is installed.

    Raises:
        ArtifactError: If a file is damaged, or the SavedModel is another network.
    """
    folder = located.folder if located.converted else converted_folder(located.source_sha256)
    conversion = folder if folder.is_dir() else None
    has_tensorflow = not located.converted and importlib.util.find_spec("tensorflow") is not None
    style_length = None
    if conversion is not None:
        record = ConversionRecord.read(conversion)
        for name, file in record.files.items():
            file.read(conversion / name)  # compares the digest
        style_length = record.style_length
    elif has_tensorflow:
        from pix2style.teachers.magenta.backend import open_saved_model

        style_length = open_saved_model(located).style_length
    backends = (*(["onnx"] if conversion else []), *(["tensorflow"] if has_tensorflow else []))
    conversion_files = _file_records(conversion) if conversion else {}
    return NetworkInfo(located, style_length, _file_records(located.folder), conversion, conversion_files, backends)


def _file_records(folder: Path) -> dict[str, FileRecord]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): FileRecord.of(path) for path in paths}


def _as_json(files: dict[str, FileRecord]) -> dict[str, dict[str, str | int]]:
    return {name: {"sha256": file.sha256, "size_bytes": file.size_bytes} for name, file in files.items()}
