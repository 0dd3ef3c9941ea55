"""Packages for darktable: the layout that it imports, and a graph that computes what the filter computes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pix2style.export.editors.darktable import write_darktable
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.runtime.onnx_stylizer import OnnxStylizer


@pytest.fixture
def package(tmp_path: Path, lite_file: Callable[..., Path]) -> tuple[Path, OnnxStylizer]:
    filter_file = lite_file()
    stylizer = OnnxStylizer(filter_file, tile=0)
    write_darktable(filter_file.read_bytes(), stylizer.spec, tmp_path / "f.dtmodel")
    return tmp_path / "f.dtmodel", stylizer


def test_the_graph_takes_float_planes_and_computes_what_the_filter_computes(
    package: tuple[Path, OnnxStylizer], tmp_path: Path
) -> None:
    path, stylizer = package
    with zipfile.ZipFile(path) as archive:
        [config_name, model_name] = archive.namelist()
        config, model = json.loads(archive.read(config_name)), archive.read(model_name)
    assert (config["task"], config["backend"], config["num_inputs"]) == ("denoise", "onnx", 1)
    assert (config_name, model_name) == (f"{config['id']}/config.json", f"{config['id']}/model.onnx")
    session = onnxruntime.InferenceSession(model)
    assert [(value.name, value.shape, value.type) for value in session.get_inputs()] == [
        ("input", [1, 3, "height", "width"], "tensor(float)")
    ]
    assert [value.name for value in session.get_outputs()] == ["output"]
    assert session.get_overridable_initializers() == []
    photo = synthetic_photo(97, 64, seed=3)
    [output] = session.run(None, {"input": np.float32(photo.transpose(2, 0, 1)[None] / 255)})
    assert output.shape == (1, 3, 97, 64)
    assert np.array_equal(np.rint(output[0].transpose(1, 2, 0) * 255), stylizer(photo))
    # Values outside of 0 to 1, which a developed photo can have, are cut off.
    [outside] = session.run(None, {"input": np.full((1, 3, 8, 8), 1.7, np.float32)})
    assert np.array_equal(outside, session.run(None, {"input": np.ones((1, 3, 8, 8), np.float32)})[0])


def test_the_same_filter_gives_the_same_bytes(
    package: tuple[Path, OnnxStylizer], tmp_path: Path, lite_file: Callable[..., Path]
) -> None:
    path, stylizer = package
    write_darktable(lite_file().read_bytes(), stylizer.spec, tmp_path / "again.dtmodel")
    assert (tmp_path / "again.dtmodel").read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        onnx.checker.check_model(onnx.load_model_from_string(archive.read(archive.namelist()[1])), full_check=True)
