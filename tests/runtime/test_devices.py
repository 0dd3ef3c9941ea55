"""Where filters run: threads, devices, and the float16 file for devices that do not compute in 8 bits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from pix2style import load_stylizer, openvino_session
from pix2style.errors import ConfigError
from pix2style.images import Image8
from pix2style.runtime import devices
from pix2style.runtime.devices import DEVICES, available_devices
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import SPEC_KEY

OTHER = next((p for p in onnxruntime.get_available_providers() if p != "CPUExecutionProvider"), None)
"""A provider that a usual ONNX Runtime has beside the processor's, and that computes none of a filter's nodes."""


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take another provider, which leaves all nodes to the processor, for that of CUDA."""
    if OTHER is None:
        pytest.skip("this ONNX Runtime has the processor only")
    monkeypatch.setitem(devices.DEVICES, "cuda", replace(DEVICES["cuda"], provider=OTHER))


def rewritten(file: Path, copy: Path, precision: str) -> Path:
    """Write a copy of a filter that says that it has another precision."""
    import onnx

    model = onnx.load(file)
    for entry in list(model.metadata_props):
        if entry.key == SPEC_KEY:
            entry.value = entry.value.replace('"precision": "fp32"', f'"precision": "{precision}"')
        elif entry.key.endswith("digest"):
            model.metadata_props.remove(entry)
    onnx.save(model, copy)
    return copy


def test_the_processor_says_nothing(
    red_filter: Path, photos: Callable[..., list[Image8]], capfd: pytest.CaptureFixture[str]
) -> None:
    photo = photos(1)[0]
    outputs = [load_stylizer(red_filter, **options)(photo) for options in ({}, {"device": "cpu"}, {"threads": 1})]
    assert all(np.array_equal(outputs[0], other) for other in outputs[1:])
    assert capfd.readouterr() == ("", "")
    assert available_devices()[0] == "cpu"


@pytest.mark.parametrize("threads", [0, -1, 2000, 1.5, "2", True])
def test_wrong_threads(red_filter: Path, threads: int) -> None:
    with pytest.raises(ConfigError, match=r"^--threads .*: give a whole number from 1 to 1024"):
        load_stylizer(red_filter, threads=threads)


def test_unknown_and_missing_devices(red_filter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(openvino_session, "is_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"^--device gpu: is no device: give one of cpu$"):
        load_stylizer(red_filter, device="gpu")
    with pytest.raises(ConfigError, match=r"does not have it: give one of cpu, or install onnxruntime-gpu in"):
        load_stylizer(red_filter, device="cuda")
    with pytest.raises(ConfigError, match="device is for filter files and runs only"):
        load_stylizer("watercolor", device="cuda")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_device_whose_driver_is_missing(red_filter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime itself goes on with the processor and says nothing."""
    names = [device.provider for device in DEVICES.values()]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    for device in set(DEVICES) - {"cpu", "openvino"}:
        with pytest.raises(ConfigError, match=f"^--device {device}: ONNX Runtime cannot use it here"):
            load_stylizer(red_filter, device=device)


@pytest.mark.usefixtures("cuda")
def test_8_bit_filters_say_that_they_fall_back(
    red_filter: Path, tmp_path: Path, photos: Callable[..., list[Image8]], capfd: pytest.CaptureFixture[str]
) -> None:
    file = rewritten(red_filter, tmp_path / "red.int8.onnx", "int8")
    assert load_stylizer(file, device="CUDA")(photos(1)[0]).shape == photos(1)[0].shape
    assert "cuda does not compute in 8 bits, so most of this filter runs on the processor" in capfd.readouterr().err
    load_stylizer(red_filter, device="cuda")
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("name", ["red.int8.onnx", "red.onnx"])
def test_the_float16_file_is_taken_instead(
    red_filter: Path, lite_file: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    file = rewritten(red_filter, tmp_path / name, "int8")
    float16 = rewritten(red_filter, tmp_path / "red.fp16.onnx", "fp16")
    loaded = load_stylizer(file, device="cuda", strength=0.5)
    assert isinstance(loaded, OnnxStylizer)
    assert loaded.spec.precision == "fp16"
    assert loaded.strength == 0.5
    assert capfd.readouterr().err == (
        f"note: {file}: cuda does not compute in 8 bits: its float16 version red.fp16.onnx is used\n"
    )
    other = load_stylizer(file)  # the processor does compute in 8 bits
    assert isinstance(other, OnnxStylizer)
    assert other.spec.precision == "int8"
    for stranger in (lite_file(), red_filter, Path(__file__)):  # of another run, of another precision, no filter
        shutil.copy(stranger, float16)
        taken = load_stylizer(file, device="cuda")
        assert isinstance(taken, OnnxStylizer)
        assert taken.spec.precision == "int8"


@pytest.mark.usefixtures("cuda")
def test_filters_of_the_gallery_are_not_to_be_exported_anew(capfd: pytest.CaptureFixture[str]) -> None:
    load_stylizer("aquarelle", device="cuda")
    printed = capfd.readouterr().err
    assert printed.endswith("runs on the processor: the gallery has it in 8 bits only: leave out --device\n")
    assert "export" not in printed
