"""Write the folder of a web page that stylizes photos in the browser: a static page, to be copied to any web server."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.errors import ArtifactError
from pix2style.export.web.ort_web import FILES, Backend, OrtWeb, Part
from pix2style.export.web.page_filters import BrowserFile, PageFilter, file_name
from pix2style.files import sha256_bytes, write_json
from pix2style.pairs.exchange.atomic_folder import atomic_folder
from pix2style.version import __version__

SCHEMA_VERSION = 1
DESCRIPTION_NAME = "page.json"
_ASSETS = (
    *("index.html", "page.css", "page.js", "camera.js", "isolate.js", "service-worker.js", "worker.js", "runtime.js"),
    *("arithmetic.js", "icon.svg"),
)
_LICENCES = ("LICENSE", "ThirdPartyNotices.txt")
# Safari on phones refuses canvases of more than 16.7 megapixels. `whole_pixels` is for filters that need the whole
# photo at once, and `untiled_pixels` keeps tiles so small that each takes less than a second.
LIMITS = {
    "max_pixels": 16_000_000,
    "max_side_px": 16_384,
    "refused_pixels": 100_000_000,
    "tile_px": 768,
    "untiled_pixels": 1_500_000,
    "whole_pixels": 2_000_000,
}
"""Limits of the page, which `page.json` holds: larger photos are made smaller, refused, or stylized in tiles."""


@dataclass(frozen=True, slots=True)
class PageReport:
    """A page that was written.

    Attributes:
        folder: Folder of the page.
        filters: Names of the filters, in the order of the page.
        bytes: Size of all files in bytes.
        visit_bytes: Bytes that a visitor's browser loads for the first filter, by backend.
        ort_web: Version of ONNX Runtime Web.
    """

    folder: Path
    filters: tuple[str, ...]
    bytes: int
    visit_bytes: Mapping[str, int]
    ort_web: str


def write_page(filters: Sequence[PageFilter], folder: Path, ort_web: OrtWeb, *, title: str | None = None) -> PageReport:
    """Write a page. The folder appears when it is complete.

    Args:
        filters: The filters, at least one.
        folder: Folder of the page; new or empty.
        ort_web: The files of ONNX Runtime Web.
        title: Title of the page; None for the name of its only filter, or "Photo filters".

    Raises:
        ArtifactError: The folder is not empty or cannot be written, or a file of ONNX Runtime Web cannot be read.
    """
    backends: tuple[Backend, ...] = tuple(backend for backend in FILES if any(backend in f.files for f in filters))
    with atomic_folder(folder, ArtifactError) as unfinished:
        assets = importlib.resources.files(__package__) / "assets"
        for name in _ASSETS:
            _write(unfinished / name, (assets / name).read_bytes())
        for name in _LICENCES:
            _write(unfinished / "ort" / name, _licence(name))
        runtime = {backend: _write_runtime(backend, unfinished, ort_web) for backend in backends}
        entries = _write_filters(filters, unfinished)
        write_json(
            unfinished / DESCRIPTION_NAME,
            {
                "schema_version": SCHEMA_VERSION,
                "made_by": f"pix2style {__version__}",
                "title": title or (filters[0].name if len(filters) == 1 else "Photo filters"),
                "limits": LIMITS,
                "runtime": runtime,
                "filters": entries,
            },
        )
        sizes = {path.relative_to(unfinished).parts[0]: 0 for path in unfinished.iterdir()}
        for path in unfinished.rglob("*"):
            sizes[path.relative_to(unfinished).parts[0]] += path.stat().st_size if path.is_file() else 0
    own = sum(size for name, size in sizes.items() if name not in ("ort", "filters"))
    visits: dict[str, int] = {
        backend: own + _visit_bytes(runtime[backend], entries[0]["files"][backend]) for backend in filters[0].files
    }
    return PageReport(folder, tuple(f.name for f in filters), sum(sizes.values()), visits, ort_web.version)


def _visit_bytes(runtime: Mapping[Part, Mapping[str, Any]], filter_file: Mapping[str, Any]) -> int:
    return sum(int(part["bytes"]) for part in (*runtime.values(), filter_file))


def _licence(name: str) -> bytes:
    """Return a licence text of ONNX Runtime, which its package for Python has, too."""
    import onnxruntime

    try:
        return (Path(onnxruntime.__file__).parent / name).read_bytes()
    except OSError as error:
        raise ArtifactError(f"onnxruntime's file {name} cannot be read: install onnxruntime again") from error


def _write_runtime(backend: Backend, folder: Path, ort_web: OrtWeb) -> dict[Part, dict[str, Any]]:
    """Write the files of ONNX Runtime Web for a backend, and describe them.

    Modules get the ending .js, because some web servers do not know .mjs and browsers then refuse the file.
    """
    described: dict[Part, dict[str, Any]] = {}
    for part, name in FILES[backend].items():
        data = ort_web.read(name)
        path = f"ort/{name.removesuffix('.mjs')}.js" if name.endswith(".mjs") else f"ort/{name}"
        _write(folder / path, data)
        described[part] = {"path": path, "bytes": len(data)}
    return described


def _write_filters(filters: Sequence[PageFilter], folder: Path) -> list[dict[str, Any]]:
    """Write each file once, and return the entries of the filters in `page.json`."""
    written: dict[str, dict[str, Any]] = {}  # by digest
    taken: set[str] = set()
    entries = []
    for page_filter in filters:
        files: dict[str, Any] = {}
        for backend, file in page_filter.files.items():
            digest = sha256_bytes(file.data)
            if digest not in written:
                path = _free_path(file, taken)
                _write(folder / path, file.data)
                written[digest] = {
                    "path": path,
                    "bytes": len(file.data),
                    "sha256": digest,
                    "precision": file.spec.precision,
                }
            files[backend] = written[digest]
        entries.append(_entry(page_filter, files))
    return entries


def _entry(page_filter: PageFilter, files: Mapping[str, Any]) -> dict[str, Any]:
    spec = page_filter.spec
    return {
        "name": page_filter.name,
        "files": files,
        "licence": spec.licence,
        "teacher": spec.provenance.teacher,
        "architecture": spec.architecture,
        "parameters": spec.parameters,
        "size_multiple": spec.size_multiple,
        "receptive_field_px": spec.receptive_field_px,
        "trained_at_px": spec.trained_at_px,
        "can_tile": page_filter.can_tile,
        "glimpse_px": spec.glimpse_px if page_filter.takes_glimpse else 0,
        "style": page_filter.style,
        "quality": spec.quality,
        "provenance": {"pairs_sha256": spec.provenance.pairs_sha256, "style_sha256": spec.provenance.style_sha256},
    }


def _free_path(file: BrowserFile, taken: set[str]) -> str:
    stem = file_name(file.source.name.removesuffix(".onnx"))
    number, name = 1, f"{stem}.onnx"
    while name in taken:
        number += 1
        name = f"{stem}-{number}.onnx"
    taken.add(name)
    return f"filters/{name}"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
