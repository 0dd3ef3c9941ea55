"""The folder for ComfyUI: loaded as ComfyUI loads it, without pix2style."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import DataError
from pix2style.export.editors.comfyui_folder import write_comfyui
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.runtime.onnx_stylizer import OnnxStylizer

from plain_filters import write_filter  # isort: skip

# ComfyUI imports each folder of custom_nodes as a module, and reads these two dictionaries.
_PROGRAM = """
import importlib.util, pathlib, sys
import numpy as np, torch
folder = pathlib.Path(sys.argv[1])
options = {"submodule_search_locations": [str(folder)]}
spec = importlib.util.spec_from_file_location("custom_node", folder / "__init__.py", **options)
module = importlib.util.module_from_spec(spec)
sys.modules["custom_node"] = module
spec.loader.exec_module(module)
[(name, node)] = module.NODE_CLASS_MAPPINGS.items()
assert name in module.NODE_DISPLAY_NAME_MAPPINGS
inputs = node.INPUT_TYPES()["required"]
choices = inputs["filter_name"][0]
images = torch.from_numpy(np.load(folder.parent / "photos.npy")).float() / 255
run = getattr(node(), node.FUNCTION)
outputs = [run(images, choice, strength)[0] for choice in choices for strength in (1.0, 0.5, 0.0)]
assert outputs[0].shape == images.shape and outputs[0].dtype == torch.float32
np.save(folder.parent / "outputs.npy", torch.stack(outputs).numpy())
assert "pix2style" not in sys.modules
"""


def test_the_node_stylizes_a_batch(tmp_path: Path, lite_file: Callable[..., Path]) -> None:
    without_strength = write_filter(tmp_path / "negative.onnx")
    filters = [("flower", lite_file().read_bytes()), ("negative", without_strength.read_bytes())]
    write_comfyui(filters, tmp_path / "node")
    photos = np.stack([synthetic_photo(48, 64, seed) for seed in range(2)])
    np.save(tmp_path / "photos.npy", photos)
    subprocess.run([sys.executable, "-c", _PROGRAM, str(tmp_path / "node")], check=True, cwd=tmp_path)
    outputs = iter(np.rint(np.load(tmp_path / "outputs.npy") * 255).astype(np.uint8))
    for path in (lite_file(), without_strength):
        for strength in (1.0, 0.5, 0.0):
            assert np.array_equal(next(outputs), np.stack(OnnxStylizer(path, strength=strength)(list(photos))))


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="exists already: choose a new folder"):
        write_comfyui([], tmp_path)
