"""The baseline is the published network, and differs from it only in how it is run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pix2style.nets.unet_2017 import Unet2017


def test_has_exactly_the_published_size(count_gmacs: Callable[[nn.Module, int], float]) -> None:
    with torch.device("meta"):
        unet = Unet2017()
    assert sum(weight.numel() for weight in unet.parameters()) == 54_413_955
    assert count_gmacs(unet.eval(), 256) == pytest.approx(6.05, abs=0.005)
    assert unet.size_multiple == 256


def test_layer_list() -> None:
    unet = Unet2017(channels=2)
    downs = [[type(layer).__name__ for layer in down] for down in unet.downs]
    ups = [[type(layer).__name__ for layer in up] for up in unet.ups]
    assert downs == [["Conv2d"], *[["LeakyReLU", "Conv2d", "BatchNorm2d"]] * 6, ["LeakyReLU", "Conv2d"]]
    middle = ["ReLU", "ConvTranspose2d", "BatchNorm2d"]
    assert ups == [middle, *[[*middle, "Dropout"]] * 3, *[middle] * 3, ["ReLU", "ConvTranspose2d", "Tanh"]]


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
