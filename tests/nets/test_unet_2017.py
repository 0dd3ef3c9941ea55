"""The baseline is the published network, and differs from it only in how it is run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pix2style.nets.unet_2017 import Unet2017

Layer = tuple[object, ...]


def test_has_exactly_the_published_size(count_gmacs: Callable[[nn.Module, int], float]) -> None:
    with torch.device("meta"):
        unet = Unet2017()
    assert sum(weight.numel() for weight in unet.parameters()) == 54_413_955
    assert count_gmacs(unet.eval(), 256) == pytest.approx(6.05, abs=0.005)
    assert unet.size_multiple == 256


def test_layer_list() -> None:
    # Isola et al. 2017, appendix 6.1.1: down C64-C128-C256-C512-C512-C512-C512-C512, up (with skips, counted by inputs)
    # CD512-CD1024-CD1024-C1024-C1024-C512-C256-C128, each 4x4 with stride 2, LeakyReLU of slope 0.2 on the way down;
    # where the authors' PyTorch version differs (see the class), as that one.
    with torch.device("meta"):
        unet = Unet2017()

    def down(into: int, out: int) -> list[Layer]:
        return [("LeakyReLU", 0.2), ("Conv2d", into, out, 4, 2, 1, False), ("BatchNorm2d", out)]

    def up(into: int, out: int, *dropout: Layer) -> list[Layer]:
        return [("ReLU",), ("ConvTranspose2d", into, out, 4, 2, 1, False), ("BatchNorm2d", out), *dropout]

    half = ("Dropout", 0.5)
    assert [[_described(layer) for layer in block] for block in unet.downs] == [
        down(3, 64)[1:2],
        down(64, 128),
        down(128, 256),
        down(256, 512),
        down(512, 512),
        down(512, 512),
        down(512, 512),
        down(512, 512)[:2],
    ]
    assert [[_described(layer) for layer in block] for block in unet.ups] == [
        up(512, 512),
        up(1024, 512, half),
        up(1024, 512, half),
        up(1024, 512, half),
        up(1024, 256),
        up(512, 128),
        up(256, 64),
        [("ReLU",), ("ConvTranspose2d", 128, 3, 4, 2, 1, True), ("Tanh",)],
    ]


def _described(layer: nn.Module) -> Layer:
    # Ours may be subclasses that compute the same in another way.
    for kind in (nn.Conv2d, nn.ConvTranspose2d):
        if isinstance(layer, kind):
            sizes = (layer.kernel_size[0], layer.stride[0], layer.padding[0])
            return kind.__name__, layer.in_channels, layer.out_channels, *sizes, layer.bias is not None
    settings = {nn.LeakyReLU: "negative_slope", nn.BatchNorm2d: "num_features", nn.Dropout: "p"}
    return type(layer).__name__, *(getattr(layer, settings[one]) for one in settings if type(layer) is one)


def test_weights_start_as_published() -> None:
    unet = Unet2017(channels=16, downsamplings=5)
    conv, norm = unet.downs[3][1], unet.downs[3][2]
    assert float(conv.weight.std()) == pytest.approx(0.02, rel=0.02)
    assert abs(float(norm.weight.mean()) - 1) < 0.02
    assert 0.01 < float(norm.weight.std()) < 0.03
    assert not norm.bias.any()


def test_trains_at_batch_1_and_drops_out_only_in_training() -> None:
    # The innermost code is 1x1: a BatchNorm there would raise at batch 1.
    unet = Unet2017(channels=2).train()
    photo = torch.rand(1, 3, 256, 256) * 2 - 1
    with torch.no_grad():
        assert not torch.equal(unet(photo), unet(photo))
        unet.eval()
        assert torch.equal(unet(photo), unet(photo))


def test_no_dropout_on_request() -> None:
    assert not any(isinstance(module, nn.Dropout) for module in Unet2017(2, 8, dropout=False).modules())


def test_refuses_too_few_downsamplings() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        Unet2017(downsamplings=4)
