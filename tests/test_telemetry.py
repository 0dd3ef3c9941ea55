"""Nothing is written that nobody asked for: ONNX Runtime's telemetry stays off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_importing_albumentations_asks_no_host() -> None:
    code = (
        "import socket, pix2style\n"
        "def refuse(*args): raise AssertionError(f'asked {args}')\n"
        "socket.getaddrinfo = refuse\n"
        "import albumentations"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["pix2style.onnx_session", "pix2style.runtime.onnx_stylizer"])
def test_loading_onnx_runtime_leaves_the_home_folder_empty(tmp_path: Path, module: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    code = f"import {module}, onnxruntime; onnxruntime.InferenceSession"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "HOME": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(tmp_path.iterdir()) == []
