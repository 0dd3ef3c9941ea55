"""Tests that commands import only what they need: applying a filter needs neither torch nor TensorFlow.

Each test starts a new interpreter, because this one has imported everything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import MissingExtraError
from pix2style.images import Image8, encode_png, read_picture

# Packages that only extras install. (Not pydantic: Typer 0.29 needs it.)
NOT_IN_BASE = (
    *("torch", "torchvision", "tensorflow", "tensorflow_hub", "cv2", "yaml", "kornia", "albumentations"),
    *("onnx", "onnxscript", "safetensors", "wandb", "av", "pygame", "pyvirtualcam", "starlette", "uvicorn"),
    *("h11", "prometheus_client", "python_multipart", "openvino"),
)

# Runs the command line with arguments, then prints which of the watched modules are loaded.
_RUN = """
import json, sys
blocked, watched, arguments = json.loads(sys.argv[1])
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv = ["pix2style", *arguments]
code = 0
try:
    from pix2style.cli import main
    main()
except SystemExit as exit:
    code = exit.code or 0
print("LOADED", json.dumps([name for name in watched if name in sys.modules]))
sys.exit(code)
"""


def run(*arguments: object, blocked: tuple[str, ...] = (), watched: tuple[str, ...] = ()) -> tuple[int, str, list[str]]:
    """Run the command line; return the exit code, stderr, and the watched modules that were loaded."""
    options = json.dumps([blocked, watched, [str(argument) for argument in arguments]])
    done = subprocess.run([sys.executable, "-c", _RUN, options], capture_output=True, text=True, check=False)
    assert "LOADED" in done.stdout, done.stderr
    return done.returncode, done.stderr, json.loads(done.stdout.rpartition("LOADED")[2])


@pytest.fixture
def photo(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(photos(1, 20, 31)[0]))
    return path


def test_infer_imports_neither_torch_nor_tensorflow(
    red_filter: Path, red_negative: Callable[[Image8], Image8], photo: Path, tmp_path: Path
) -> None:
    unneeded = ("typer", "rich", "shutil", "PIL.ImageCms")  # for processor time at the start
    watched = (*NOT_IN_BASE, *unneeded, "onnxruntime", "PIL", "numpy")
    code, stderr, loaded = run("infer", red_filter, photo, "-o", tmp_path / "out.png", watched=watched)
    assert (code, stderr) == (0, "")
    assert loaded == ["onnxruntime", "PIL", "numpy"]
    assert np.array_equal(read_picture(tmp_path / "out.png").rgb, red_negative(read_picture(photo).rgb))


def test_infer_works_where_only_the_base_is_installed(red_filter: Path, photo: Path, tmp_path: Path) -> None:
    code, stderr, _ = run("infer", red_filter, photo, "-o", tmp_path / "out", blocked=NOT_IN_BASE)
    assert (code, stderr) == (0, "")
    assert (tmp_path / "out" / "photo.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("infer", "{folder}", "{photo}", "-o", "{folder}/out"), "train"),
        (("infer", "watercolor", "{photo}", "-o", "{folder}/out"), "pairs"),
        (("infer", "magenta:{photo}", "{photo}", "-o", "{folder}/out"), "painting"),
        (("export", "{folder}"), "train"),
        (("train",), "train"),
        (("studio",), "studio"),
        (("judge", "{folder}"), "studio"),
        (("serve", "--port", "0"), "serve"),
    ],
)
def test_a_missing_extra_is_named(
    arguments: tuple[str, ...], extra: str, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PIX2STYLE_MAGENTA", raising=False)
    (tmp_path / "config.json").write_text("{}")
    filled = [argument.format(folder=tmp_path, photo=photo) for argument in arguments]
    code, stderr, _ = run(*filled, blocked=NOT_IN_BASE)
    assert code == MissingExtraError.exit_code == 5
    assert "pip install" in stderr
    assert f'[{extra}]"' in stderr
    assert len(stderr.splitlines()) <= 4


def test_doctor_works_without_any_extra_and_imports_nothing_heavy() -> None:
    code, stderr, loaded = run("doctor", "--json", blocked=NOT_IN_BASE, watched=NOT_IN_BASE)
    assert (code, stderr, loaded) == (0, "", [])


@pytest.mark.parametrize("command", ["--help", "--version", "infer", "live", "train", "export", "doctor", "config"])
def test_help_imports_nothing_heavy(command: str) -> None:
    arguments = (command,) if command.startswith("--") else (command, "--help")
    code, _, loaded = run(*arguments, watched=(*NOT_IN_BASE, "onnxruntime", "PIL"))
    assert code == 0
    assert loaded == []


def test_importing_the_package_imports_only_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import pix2style; print(pix2style.__version__)\n"
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('pix2style')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    version, loaded = done.stdout.splitlines()
    assert version
    # Only modules of the standard library, so the import takes milliseconds.
    names = {name.split(".")[0] for name in eval(loaded)}
    assert names <= set(sys.stdlib_module_names)


def test_load_stylizer_can_be_imported_without_heavy_packages() -> None:
    program = (
        "import sys, pix2style; from pix2style import load_stylizer\n"
        "heavy = [name for name in ('torch', 'tensorflow', 'onnxruntime') if name in sys.modules]\n"
        "print(callable(load_stylizer), heavy)\n"
        "try: pix2style.load_stilizer\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.splitlines() == ["True []", "module 'pix2style' has no attribute 'load_stilizer'"]
