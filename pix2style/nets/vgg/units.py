"""The units of VGG's activations: recognise weights files in other units, and convert or refuse them.

The weights of the losses and the presets of `stylize` assume activations of a certain size. Weights of the same network
in other units, such as Caffe's, give activations that are larger by one factor: the losses on features would then drown
all others, or vanish.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.errors import ArtifactError
from pix2style.nets.vgg.architecture import Vgg, layer_indices
from pix2style.nets.vgg.scale import CAFFE_ACTIVATION_SCALE, CAFFE_MEAN, IMAGENET_MEAN, IMAGENET_STD

# Mean activations of VGG19 (the authors' weights, as `wheel` converts them) on each image of `_synthetic_images`.
_EXPECTED = {
    "relu1_1": (0.354106, 0.386609, 0.30735),
    "relu2_1": (2.308052, 2.938625, 1.890495),
    "relu3_1": (3.709008, 4.400434, 2.998147),
    "relu4_1": (13.432894, 15.426, 11.407181),
    "relu5_1": (1.688823, 1.972039, 1.697964),
}
_IMAGE_SIDE_PX = 32
# The ratios of mean activations to the expected ones vary by less than this over layers and images only if the weights
# are the authors', and the channels are in the expected order. 8 bits a weight change means by less than 1 %.
_SAME_WEIGHTS = 1.03
# Within this, a factor is taken for 1, or for Caffe's.
_TOLERANCE = 1.05
# Other weights (trained again, as torchvision's; scaled filter by filter, as those of Gatys et al.) have activations of
# about the expected size: their mean ratio lies in this range. Random weights lie near its lower end.
_PLAUSIBLE = (1 / 500, 10.0)


def from_caffe_input(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Change the first convolution from Caffe's input to RGB that is normalised as for torchvision.

    Caffe's input has the channels BGR, from 0 to 255, minus their means. The activations stay the same, except at the
    image's border, where the padding has a slightly different colour.

    Args:
        tensors: Weights by key ("0.weight", "0.bias" and so on).
    """
    weight, bias = tensors["0.weight"].flip(1), tensors["0.bias"]
    mean, std = (torch.tensor(values, dtype=weight.dtype) for values in (IMAGENET_MEAN, IMAGENET_STD))
    shift = 255 * mean - torch.tensor(CAFFE_MEAN, dtype=weight.dtype)
    return {
        **tensors,
        "0.weight": weight * (255 * std)[:, None, None],
        "0.bias": bias + (weight * shift[:, None, None]).sum(dim=(1, 2, 3)),
    }


def scale_activations(tensors: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    """Multiply all activations by `factor`: the first convolution's weights, and every bias."""
    return {
        key: tensor * factor if key == "0.weight" or key.endswith(".bias") else tensor
        for key, tensor in tensors.items()
    }


def to_expected_units(kind: Vgg, tensors: Mapping[str, Tensor], *, source: str) -> tuple[dict[str, Tensor], str]:
    """Convert weights to the expected units if they are VGG19's in other ones.

    The weights are recognised by their activations on fixed synthetic images.

    Args:
        kind: Network that the weights belong to.
        tensors: Weights by key ("0.weight", "0.bias" and so on), of the right shapes, as deep as there are any.
        source: Name of the weights, for messages.

    Returns:
        The weights, and what was done to them, for people; empty if they were in the expected units.

    Raises:
        ArtifactError: Activations have another size than the losses expect, and the weights are not VGG19's in units
            that can be converted.
    """
    ratios = _activation_ratios(kind, tensors)
    if kind == "vgg19" and len(ratios) > 3:
        if _are_equal(ratios):
            factor = _recognized_factor(ratios)
            return _scaled(tensors, factor), _scaling(factor)
        from_caffe = from_caffe_input({key: tensor.float() for key, tensor in tensors.items()})
        caffe_ratios = _activation_ratios(kind, from_caffe)
        if _are_equal(caffe_ratios):
            factor = _recognized_factor(caffe_ratios)
            parts = ["input changed from Caffe's BGR to RGB", _scaling(factor)]
            return _scaled(from_caffe, factor), ", ".join(part for part in parts if part)
    _check_size(ratios, source)
    return dict(tensors), ""


def _activation_ratios(kind: Vgg, tensors: Mapping[str, Tensor]) -> list[float]:
    """Return mean activations divided by the expected ones, for each image and each layer that the weights reach."""
    means = _mean_activations(kind, tensors)
    return [
        mean / expected
        for name, by_image in _EXPECTED.items()
        if name in means
        for mean, expected in zip(means[name], by_image, strict=True)
    ]


@torch.no_grad()
def _mean_activations(kind: Vgg, tensors: Mapping[str, Tensor]) -> dict[str, list[float]]:
    """Return the mean activation on each synthetic image after each ReLU that the weights reach."""
    features, means = _synthetic_images(), {}
    for name, index in layer_indices(kind).items():
        if name.startswith("conv"):
            if f"{index}.weight" not in tensors:
                break
            weight, bias = tensors[f"{index}.weight"].float(), tensors[f"{index}.bias"].float()
            features = F.conv2d(features, weight, bias, padding=1).relu()
        elif name.startswith("pool"):
            features = F.max_pool2d(features, 2)
        else:
            means[name] = features.mean(dim=(1, 2, 3)).tolist()
    return means


def _synthetic_images() -> Tensor:
    """Return three images [3, 3, side, side], normalised for VGG: waves and a chequer in one channel each."""
    grid = torch.arange(_IMAGE_SIDE_PX, dtype=torch.float64) / _IMAGE_SIDE_PX
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    waves = torch.sin(2 * math.pi * (2.5 * x - 1.5 * y)) + torch.sin(2 * math.pi * (5 * y + 2 * x) + 1)
    chequer = ((x * 8).floor() + (y * 8).floor()) % 2
    return torch.einsum("nc,hw->nchw", torch.eye(3), (waves + chequer - 0.5).float())


def _are_equal(ratios: list[float]) -> bool:
    return min(ratios) > 0 and max(ratios) < _SAME_WEIGHTS * min(ratios)


def _recognized_factor(ratios: list[float]) -> float:
    """Return the factor of all activations: exactly 1 or Caffe's if it is near them."""
    factor = _geometric_mean(ratios)
    for exact in (1.0, CAFFE_ACTIVATION_SCALE):
        if exact / _TOLERANCE < factor < exact * _TOLERANCE:
            return exact
    return factor


def _scaled(tensors: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    if factor == 1:
        return dict(tensors)
    return scale_activations({key: tensor.float() for key, tensor in tensors.items()}, 1 / factor)


def _scaling(factor: float) -> str:
    return "" if factor == 1 else f"activations divided by {factor:.4g}"


def _check_size(ratios: list[float], source: str) -> None:
    if not ratios:
        return
    factor = _geometric_mean(ratios)
    if not factor > 0:  # also for NaN
        raise ArtifactError(f"{source}: its activations are 0 or not a number: choose other weights")
    if not _PLAUSIBLE[0] < factor < _PLAUSIBLE[1]:
        raise ArtifactError(
            f"{source}: its activations are {factor:.3g} times those that the weights of the losses assume: divide the"
            f" weights of the first convolution and all biases by {factor:.3g}, or choose other weights"
        )


def _geometric_mean(values: list[float]) -> float:
    """Return the geometric mean; 0 if a value is 0, and NaN if one is not a number."""
    if not values or min(values) <= 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, values)) / len(values))
