"""The modern U-Net: its size, its start, its options."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pix2style.nets.unet import Unet


@pytest.mark.parametrize(("channels", "millions", "gmacs"), [(48, 13.82, 24.37), (24, 3.46, 6.13), (16, 1.54, 2.75)])
def test_size_is_what_the_docstring_says(
    channels: int, millions: float, gmacs: float, count_gmacs: Callable[[nn.Module, int], float]
) -> None:
    with torch.device("meta"):
        unet = Unet(channels)
    assert round(sum(weight.numel() for weight in unet.parameters()) / 1e6, 2) == millions
    assert round(count_gmacs(unet, 256), 2) == gmacs
    stated = " ".join(str(Unet.__doc__).split())
    assert f"{millions} M" in stated
    assert f" {gmacs} with {channels}" in stated


@pytest.mark.parametrize("upsample", ["resize", "shuffle"])
def test_the_start_keeps_the_scale_of_features(upsample: str) -> None:
    # There is no normalisation to mend it later.
    unet = Unet(channels=16, levels=5, upsample=upsample)
    scales: list[float] = []
    for part in (unet.stem, *unet.downs, *unet.ups):
        part.register_forward_hook(lambda _module, _inputs, output: scales.append(float(output.std())))
    with torch.no_grad():
        unet(torch.rand(1, 3, 64, 64) * 2 - 1)
    assert len(scales) == 11
    assert min(scales) > 0.2
    assert max(scales) < 5


def test_has_no_layer_that_looks_at_the_whole_picture_or_batch() -> None:
    kinds = {type(module).__name__ for module in Unet(4, 2).modules()}
    assert not any("Norm" in kind or "Transpose" in kind or "Dropout" in kind for kind in kinds)


def test_channels_double_up_to_eight_times() -> None:
    assert [down.halve.out_channels for down in Unet(4, 5).downs] == [8, 16, 32, 32, 32]


def test_unknown_upsample() -> None:
    with pytest.raises(ValueError, match="resize or shuffle, got 'transposed'"):
        Unet(upsample="transposed")
