"""What `pix2style teacher info` tells."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.teachers.magenta.cache import LocatedNetwork, converted_folder
from pix2style.teachers.magenta.network import LICENCE, LICENCE_SOURCE
from pix2style.teachers.magenta.records import Conversion, FileRecord


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """A network and what runs it.

    Attributes:
        located: where it lies.
        style_length: K; None: not known, as neither TensorFlow nor a conversion is there.
        files: digest and size of each file of the network, by name.
        conversion: the folder for ONNX Runtime, if there is one.
        conversion_files: digest and size of each of its files.
        backends: those that would run now, best first.
    """

    located: LocatedNetwork
    style_length: int | None
    files: dict[str, FileRecord]
    conversion: Path | None
    conversion_files: dict[str, FileRecord]
    backends: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": "magenta",
            "what": "Google Magenta's arbitrary image stylization, v1, 256",
            "licence": LICENCE,
            "licence_source": LICENCE_SOURCE,
            "folder": str(self.located.folder),
            "form": "onnx" if self.located.converted else "saved_model",
            "origin": self.located.origin,
            "cached": self.located.cached,
            "sha256": self.located.source_sha256,
            "style_length": self.style_length,
            "files": _plain(self.files),
            "conversion": None if self.conversion is None else str(self.conversion),
            "conversion_files": _plain(self.conversion_files),
            "backends": list(self.backends),
        }


def describe(located: LocatedNetwork) -> NetworkInfo:
    """Look at a network; every digest of a conversion is checked, and a SavedModel is loaded if TensorFlow is there.

    Raises:
        ArtifactError: something is damaged, or the SavedModel is another network.
    """
    folder = located.folder if located.converted else converted_folder(located.source_sha256)
    conversion = folder if folder.is_dir() else None
    has_tensorflow = not located.converted and importlib.util.find_spec("tensorflow") is not None
    length = None
    if conversion is not None:
        record = Conversion.read(conversion)
        for name, one in record.files.items():
            one.read(conversion / name)
        length = record.style_length
    elif has_tensorflow:
        from pix2style.teachers.magenta.backend import open_saved_model

        length = open_saved_model(located).style_length
    backends = (*(["onnx"] if conversion else []), *(["tensorflow"] if has_tensorflow else []))
    files = _files(located.folder)
    return NetworkInfo(located, length, files, conversion, _files(conversion) if conversion else {}, backends)


def _files(folder: Path) -> dict[str, FileRecord]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): FileRecord.of(path) for path in paths}


def _plain(files: dict[str, FileRecord]) -> dict[str, dict[str, str | int]]:
    return {name: {"sha256": one.sha256, "size_bytes": one.size_bytes} for name, one in files.items()}
