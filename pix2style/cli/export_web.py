"""`pix2style export --web`: a web page with runs and filter files. Filter files need no torch."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.errors import ArtifactError, ConfigError, require
from pix2style.plural import counted
from pix2style.progress import print_next
from pix2style.writable import check_can_write_folder

if TYPE_CHECKING:
    from pix2style.cli.export_options import RunOptions
    from pix2style.export.web.page import PageReport


def export_web(sources: Sequence[Path], folder: Path, ort_web: Path | None, run: RunOptions, *, as_json: bool) -> None:
    """Write a web page with the filters of runs and filter files, and print what it holds.

    Args:
        sources: Run folders and filter files.
        folder: Folder of the page; new or empty.
        ort_web: Folder or package of ONNX Runtime Web; None for the cache or npm.
        run: What to take of runs.
        as_json: Print JSON instead of lines.
    """
    from pix2style.export.web.ort_web import find_ort_web
    from pix2style.export.web.page import write_page
    from pix2style.export.web.page_filters import read_filters
    from pix2style.loading import filter_path
    from pix2style.pairs.exchange.atomic_folder import check_new_folder

    run.check_sources([filter_path(source) for source in sources])
    check_new_folder(folder, ArtifactError)
    if not folder.exists():
        check_can_write_folder(folder, ArtifactError)
    with tempfile.TemporaryDirectory(prefix="pix2style-") as exported:
        files = [file for source in sources for file in _filter_files(source, Path(exported), run)]
        filters = read_filters(files)
        report = write_page(filters, folder, find_ort_web(ort_web))
    _print_report(report, as_json=as_json)


def _filter_files(source: Path, exported: Path, run: RunOptions) -> list[Path]:
    """Return the filter file that was named, also by its name in the gallery, or export those of a run."""
    from pix2style.loading import filter_path

    path = filter_path(source)
    if path.is_dir():
        return _export_run(path, exported, run)
    return [path]


def _export_run(folder: Path, exported: Path, run: RunOptions) -> list[Path]:
    """Export the precisions that browsers use: float16 for graphics cards, and 8 bits if the generator has them."""
    require("train", "torch", "onnx", "onnxscript", "safetensors", "pydantic", "yaml")
    from pix2style.export.choose_export import choose_export

    source = run.open(folder)
    paths = []
    for precision in [p for p in choose_export(source.generator).precisions if p != "fp32"]:
        path = exported / f"{source.spec.name}.{precision}.onnx"
        if path.exists():
            raise ConfigError(f"{folder}: another run is called {source.spec.name!r}, too: make a page of its own")
        source.export(path, precision, run.pairs)
        paths.append(path)
    return paths


def _print_report(report: PageReport, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(report), default=str))
        return
    visits = " or ".join(f"{size / 1e6:.1f} MB ({_BACKENDS[backend]})" for backend, size in report.visit_bytes.items())
    print(f"{report.folder}: a page with {counted(len(report.filters), 'filter')}: {', '.join(report.filters)}")
    print(f"{report.bytes / 1e6:.1f} MB in all; a visitor's browser loads {visits}, less if the server compresses")
    print("copy the folder to any web server; browsers do not run it as a file from the disk")
    print_next("python3", "-m", "http.server", "-d", report.folder)


_BACKENDS = {"wasm": "computed on the processor", "webgpu": "on the graphics card"}
