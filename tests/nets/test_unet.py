"""The modern U-Net: its size, its initialisation, its options, its feature stages."""

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
def test_the_initialisation_preserves_the_scale_of_features(upsample: str) -> None:
    # There are no normalisation layers that would restore it.
    unet = Unet(channels=16, levels=5, upsample=upsample)
    scales: list[float] = []
    for module in (unet.stem, *unet.downs, *unet.ups):
        module.register_forward_hook(lambda _module, _inputs, output: scales.append(float(output.std())))
    with torch.no_grad():
        unet(torch.rand(1, 3, 64, 64) * 2 - 1)
    assert len(scales) == 11
    assert min(scales) > 0.2
    assert max(scales) < 5


def test_no_layer_has_statistics_of_the_whole_image_or_batch() -> None:
    kinds = {type(module).__name__ for module in Unet(4, 2).modules()}
    assert not any("Norm" in kind or "Transpose" in kind or "Dropout" in kind for kind in kinds)


def test_channels_double_up_to_eight_times() -> None:
    assert [down.halve.out_channels for down in Unet(4, 5).downs] == [8, 16, 32, 32, 32]


@pytest.mark.parametrize(("scale", "stages"), [(2, (0, 4)), (4, (1, 3)), (8, (2, 2)), (16, (2, 2))])
def test_feature_stages_are_where_the_resolution_is_1_of_scale(scale: int, stages: tuple[int, int]) -> None:
    unet = Unet(4, 3).eval()
    down, up = unet.stages_at_scale(scale)
    assert (down.index, up.index) == stages
    block_outputs: list[torch.Tensor] = []
    for block in (*unet.downs, *unet.ups):
        block.register_forward_hook(lambda _module, _inputs, output: block_outputs.append(output))
    photo = torch.rand(1, 3, 16, 24) * 2 - 1
    with torch.no_grad():
        output = unet(photo, feature_stages=stages)
        assert torch.equal(output.image, unet(photo))
    for stage in (down, up):
        features = output.features[stage.index]
        assert torch.equal(features, block_outputs[stage.index])
        assert features.shape == (1, stage.channels, 16 // min(scale, 8), 24 // min(scale, 8))


def test_an_unknown_upsample_is_an_error() -> None:
    with pytest.raises(ValueError, match="resize or shuffle, got 'transposed'"):
        Unet(upsample="transposed")
