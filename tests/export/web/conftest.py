"""Stand-ins for the files of ONNX Runtime Web, which a bare machine lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pix2style.export.web.ort_web import FILES


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as the npm package, with small files that no browser could run."""
    folder = tmp_path_factory.mktemp("onnxruntime-web")
    (folder / "dist").mkdir()
    for name in [name for files in FILES.values() for name in files.values()]:
        (folder / "dist" / name).write_text(f"stand-in for {name}")
    return folder
