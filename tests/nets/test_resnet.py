"""The second baseline is the published network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pix2style.nets.resnet import Resnet

Layer = tuple[str, int, int, int, int]


def test_size_is_what_is_published_and_what_the_docstring_says(count_gmacs: Callable[[nn.Module, int], float]) -> None:
    with torch.device("meta"):
        resnet = Resnet()
    assert sum(weight.numel() for weight in resnet.parameters()) == 11_378_179
    gmacs = count_gmacs(resnet, 256)
    stated = " ".join(str(Resnet.__doc__).split())
    assert "11,378,179 parameters" in stated
    assert f"{gmacs:.2f} GMAC at 256x256" in stated


def test_layer_list() -> None:
    # c7s1-64, d128, d256, R256 x 9, u128, u64, c7s1-3 (Zhu et al. 2017, appendix 7.2)
    with torch.device("meta"):
        resnet = Resnet()
    found = [_described(layer) for layer in resnet.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert found == [
        ("Conv2d", 3, 64, 7, 1),
        ("Conv2d", 64, 128, 3, 2),
        ("Conv2d", 128, 256, 3, 2),
        *[("Conv2d", 256, 256, 3, 1)] * 18,
        ("ConvTranspose2d", 256, 128, 3, 2),
        ("ConvTranspose2d", 128, 64, 3, 2),
        ("Conv2d", 64, 3, 7, 1),
    ]
    norms = [layer for layer in resnet.modules() if isinstance(layer, nn.InstanceNorm2d)]
    assert len(norms) == len(found) - 1
    assert not any(norm.affine or norm.track_running_stats for norm in norms)
    assert [layer.padding[0] for layer in resnet.modules() if isinstance(layer, nn.ReflectionPad2d)] == [
        3,
        *[1] * 18,
        3,
    ]


def _described(layer: nn.Conv2d | nn.ConvTranspose2d) -> Layer:
    return type(layer).__name__, layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0]


def test_one_block_is_two_convolutions_that_add() -> None:
    block = Resnet(channels=2, blocks=1).body[0]
    kinds = [type(layer).__name__ for layer in block]
    assert kinds == [
        "ReflectionPad2d", "Conv2d", "InstanceNorm2d", "ReLU", "ReflectionPad2d", "Conv2d", "InstanceNorm2d",
    ]  # fmt: skip
    features = torch.rand(1, 8, 6, 6)
    inner = features
    for layer in block:
        inner = layer(inner)
    torch.testing.assert_close(block(features), features + inner)


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_resizing_has_no_transposed_convolution(norm: str) -> None:
    resnet = Resnet(4, 1, upsample="resize", norm=norm)
    kinds = {type(module) for module in resnet.modules()}
    assert nn.ConvTranspose2d not in kinds
    assert (nn.InstanceNorm2d in kinds) == (norm == "instance") == resnet.global_context


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"upsample": "shuffle"}, "transposed or resize, got 'shuffle'"),
        ({"norm": "batch"}, "instance or none, got 'batch'"),
    ],
)
def test_refuses_what_it_is_not(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Resnet(**settings)
