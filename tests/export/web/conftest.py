"""Stand-ins for the files of ONNX Runtime Web, which a bare machine lacks, and changed filters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from pix2style.export.web.ort_web import FILES


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as the npm package, with small files that no browser could run."""
    folder = tmp_path_factory.mktemp("onnxruntime-web")
    (folder / "dist").mkdir()
    for files in FILES.values():
        for name in files.values():
            (folder / "dist" / name).write_text(f"stand-in for {name}")
    return folder


@pytest.fixture(scope="session")
def change_filter() -> Callable[..., Path]:
    """`change_filter(source, target, change)` writes a filter after `change(model)`, without the digest that it had."""

    def write(source: Path, target: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
        model = onnx.load(source)
        change(model)
        keys = [entry.key for entry in model.metadata_props]
        del model.metadata_props[keys.index("pix2style.content_digest")]
        onnx.save(model, target)
        return target

    return write


@pytest.fixture(scope="session")
def plain_filter(
    lite_file: Callable[..., Path], change_filter: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A filter without an input `glimpse`, as programs that simplify ONNX files leave it: it cannot be tiled."""

    def without_glimpse(model: onnx.ModelProto) -> None:
        names = [value.name for value in model.graph.input]
        del model.graph.input[names.index("glimpse")]

    return change_filter(lite_file(), tmp_path_factory.mktemp("plain") / "plain.onnx", without_glimpse)
