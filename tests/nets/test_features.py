"""VGG19 and VGG16 by layer name, from files that are whole, short, damaged or not there."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pix2style.errors import ArtifactError, ConfigError
from pix2style.nets.features import FeatureNetwork, load_vgg, load_vgg19
from pix2style.nets.vgg.architecture import Vgg, build_body, layer_indices


@pytest.fixture(scope="session")
def to_conv2_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision would name it, of random weights, up to conv2_1."""
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64)}
    tensors = {}
    for index, (out, into) in shapes.items():
        tensors[f"features.{index}.weight"] = torch.randn(out, into, 3, 3) * (2 / (9 * into)) ** 0.5
        tensors[f"features.{index}.bias"] = torch.randn(out) * 0.1
    path = tmp_path_factory.mktemp("vgg") / "to_conv2_1.safetensors"
    save_file(tensors, path)
    return path


# Indices as everyone cites them; Johnson et al. take relu1_2, relu2_2, relu3_3 and relu4_3 of VGG16.
CITED: dict[Vgg, dict[str, int]] = {
    "vgg19": {
        "conv1_1": 0,
        "relu1_1": 1,
        "relu2_1": 6,
        "relu3_1": 11,
        "relu4_1": 20,
        "conv4_2": 21,
        "relu5_1": 29,
        "pool5": 36,
    },
    "vgg16": {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22, "relu5_3": 29, "pool5": 30},
}


@pytest.mark.parametrize("kind", ["vgg19", "vgg16"])
def test_layers_are_torchvisions(kind: Vgg) -> None:
    # Oracles that know nothing of our table: torchvision's own network, and its indices as everyone cites them.
    models = pytest.importorskip("torchvision").models

    with torch.device("meta"):
        theirs = getattr(models, kind)(weights=None).features
        ours = build_body(kind, CITED[kind]["pool5"])
    assert [str(module) for module in ours] == [str(module).replace("inplace=True", "") for module in theirs]
    indices = layer_indices(kind)
    assert {name: indices[name] for name in CITED[kind]} == CITED[kind]


def test_vgg16_is_torchvisions_network(tmp_path: Path) -> None:
    """Against torchvision's own forward pass, with random weights from a file."""
    theirs = pytest.importorskip("torchvision").models.vgg16(weights=None).features[:16].eval()
    path = tmp_path / "vgg16.safetensors"
    save_file({f"features.{key}": tensor for key, tensor in theirs.state_dict().items()}, path)
    picture = torch.rand(1, 3, 24, 24) * 2 - 1
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = theirs(((picture + 1) / 2 - mean[:, None, None]) / std[:, None, None])
        found = load_vgg("vgg16", ["relu3_3"], path)(picture)["relu3_3"]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    with pytest.raises(ArtifactError, match=r"has no weights for relu4_3; its deepest layer is relu3_3"):
        load_vgg("vgg16", ["relu4_3"], path)
    with pytest.raises(ConfigError, match="no layer 'relu3_4'"):  # which VGG19 has
        load_vgg("vgg16", ["relu3_4"], path)


def test_activations_are_the_naive_ones(to_conv2_1: Path) -> None:
    network = load_vgg19(["relu2_1", "conv1_1", "pool1"], to_conv2_1)
    tensors = load_file(to_conv2_1)
    picture = torch.rand(2, 3, 10, 13) * 2 - 1
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = ((picture + 1) / 2 - mean[:, None, None]) / std[:, None, None]

    def conv(index: int, features: Tensor) -> Tensor:
        return F.conv2d(features, tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"], padding=1)

    conv1_1 = conv(0, normal)
    pool1 = F.max_pool2d(conv(2, conv1_1.relu()).relu(), 2)
    found = network(picture)
    assert list(found) == ["conv1_1", "pool1", "relu2_1"]
    for name, expected in {"conv1_1": conv1_1, "pool1": pool1, "relu2_1": conv(5, pool1).relu()}.items():
        torch.testing.assert_close(found[name], expected, atol=1e-4, rtol=1e-4)
    assert found["conv1_1"].min() < 0  # not overwritten by the ReLU after it


def test_builds_no_deeper_than_asked(to_conv2_1: Path) -> None:
    network = load_vgg19(["relu1_2"], to_conv2_1)
    calls: list[nn.Module] = []
    for module in network.body:
        module.register_forward_hook(lambda module, _inputs, _output: calls.append(module))
    network(torch.rand(1, 3, 8, 8))
    assert len(network.body) == len(calls) == 4


def test_frozen_but_gradients_reach_the_picture(to_conv2_1: Path) -> None:
    network = nn.ModuleList([load_vgg19(["relu1_1"], to_conv2_1)]).train()[0]
    assert not network.training
    picture = torch.zeros(1, 3, 8, 8, requires_grad=True)
    network(picture)["relu1_1"].sum().backward()
    assert picture.grad is not None
    assert picture.grad.any()
    assert not any(weight.requires_grad for weight in network.parameters())


def test_keys_without_the_prefix(to_conv2_1: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.safetensors"
    save_file({key.removeprefix("features."): tensor for key, tensor in load_file(to_conv2_1).items()}, plain)
    picture = torch.rand(1, 3, 8, 8)
    first, second = (load_vgg19(["relu2_1"], path)(picture)["relu2_1"] for path in (to_conv2_1, plain))
    assert torch.equal(first, second)


def test_real_weights(assets: Path) -> None:
    layers = ["relu1_1", "relu2_1", "relu3_1"]
    network = load_vgg19(layers, assets / "assets" / "vgg" / "vgg19_to_conv3_1.safetensors")
    assert isinstance(network, FeatureNetwork)
    found = network(torch.rand(1, 3, 64, 64) * 2 - 1)
    assert [tuple(found[name].shape[1:]) for name in layers] == [(64, 64, 64), (128, 32, 32), (256, 16, 16)]
    with pytest.raises(ArtifactError, match=r"relu4_1.*deepest layer is relu3_1"):
        load_vgg19(["relu1_1", "relu4_1"], assets / "assets" / "vgg" / "vgg19_to_conv3_1.safetensors")


def test_layers_that_the_file_lacks(to_conv2_1: Path) -> None:
    with pytest.raises(
        ArtifactError,
        match=r"to_conv2_1\.safetensors: has no weights for relu2_2, conv5_1; its deepest layer is relu2_1",
    ):
        load_vgg19(["relu1_1", "conv5_1", "relu2_2"], to_conv2_1)


@pytest.mark.parametrize(
    ("typed", "meant"), [("relu1_3", "relu"), ("conv4-2", "conv4_2"), ("Relu3_1", "relu3_1"), ("", "")]
)
def test_unknown_layer_names_the_nearest(typed: str, meant: str, to_conv2_1: Path) -> None:
    with pytest.raises(ConfigError, match=rf"no layer '{typed}': did you mean '{meant}"):
        load_vgg19([typed], to_conv2_1)


def test_no_layers(to_conv2_1: Path) -> None:
    with pytest.raises(ConfigError, match="name at least one layer"):
        load_vgg19([], to_conv2_1)


def test_files_that_cannot_be_used(to_conv2_1: Path, tmp_path: Path) -> None:
    damaged, other, strange, short = (
        tmp_path / f"{name}.safetensors" for name in ("damaged", "other", "strange", "short")
    )
    damaged.write_bytes(to_conv2_1.read_bytes()[:1000])
    other.write_bytes(b"PK\x03\x04 a pickle of torch")
    save_file({"encoder.weight": torch.zeros(3)}, strange)
    save_file({"features.0.weight": torch.zeros(64, 3, 5, 5), "features.0.bias": torch.zeros(64)}, short)
    for path, reason in {
        tmp_path / "missing.safetensors": "this weights file does not exist",
        tmp_path: "this weights file does not exist",
        damaged: "damaged or not a safetensors file",
        other: "damaged or not a safetensors file",
        strange: "has no weights for relu1_1; it has none at all",
        short: r"features\.0\.weight has shape \[64, 3, 5, 5\], not \[64, 3, 3, 3\]",
    }.items():
        with pytest.raises(ArtifactError, match=f"{path.name}: .*{reason}"):
            load_vgg19(["relu1_1"], path)


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch, no_vgg: None) -> None:
    pytest.importorskip("torchvision")
    # torchvision's own downloader runs, towards a place that refuses: no network is needed or used.
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    advice = r"cannot be downloaded.*\[vgg\].*losses\.features\.weights.*autoencoder"
    with pytest.raises(ArtifactError, match=advice) as caught:
        load_vgg19(["relu1_1"])
    assert isinstance(caught.value.__cause__, URLError)


def test_pictures_too_small_for_the_deepest_layer(to_conv2_1: Path) -> None:
    with pytest.raises(ValueError, match="at least 2 px"):
        load_vgg19(["relu2_1"], to_conv2_1)(torch.zeros(1, 3, 1, 1))


def test_weights_of_the_other_vgg_are_recognised(tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision").models
    with torch.device("meta"):
        tensors = {kind: getattr(models, kind)(weights=None).features.state_dict() for kind in ("vgg16", "vgg19")}
    for kind, other in (("vgg16", "vgg19"), ("vgg19", "vgg16")):
        path = tmp_path / f"{other}.safetensors"
        kept = {key: tensor for key, tensor in tensors[other].items() if int(key.split(".")[0]) < 25}
        save_file({f"features.{key}": torch.zeros(tensor.shape) for key, tensor in kept.items()}, path)
        with pytest.raises(ArtifactError, match=f"holds weights of {other.upper()}, not of {kind.upper()}"):
            load_vgg(kind, ["relu4_3"], path)
