"""The modern U-Net: its size, its initialisation, its options, its feature stages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pix2style.nets.blocks import InstanceNorm
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


def test_more_blocks_start_near_the_identity_at_every_level() -> None:
    torch.manual_seed(1)
    unet = Unet(channels=8, levels=2, scale=4, blocks=3)
    photo, changes = torch.rand(1, 3, 64, 64) * 2 - 1, []
    for level in (unet, *unet.downs, *unet.ups):
        assert len(level.blocks) == 2
        for block in level.blocks:
            block.register_forward_hook(
                lambda _module, inputs, output: changes.append(float(output.std() / inputs[0].std()))
            )
    with torch.no_grad():
        unet(photo)
    assert len(changes) == 10
    assert max(changes) < 0.2


@pytest.mark.parametrize(("scale", "stages"), [(4, (0, 3)), (8, (0, 2)), (16, (1, 1)), (32, (1, 1))])
def test_feature_stages_of_a_network_that_works_at_a_quarter(scale: int, stages: tuple[int, int]) -> None:
    unet = Unet(4, 2, scale=4).eval()
    down, up = unet.stages_at_scale(scale)
    assert (down.index, up.index) == stages
    with torch.no_grad():
        features = unet(torch.zeros(1, 3, 64, 64), feature_stages=stages).features
    assert [features[stage.index].shape[1] for stage in (down, up)] == [down.channels, up.channels]
    assert features[up.index].shape[-1] == 64 // min(scale, 16)


def test_only_a_unet_with_context_knows_glimpses() -> None:
    glimpse = torch.zeros(1, 3, 96, 96)
    assert Unet(4, 1, context=True).context_from_glimpse(glimpse).shape == (1, 4)
    with pytest.raises(ValueError, match="unet does not use glimpses"):
        Unet(4, 1).context_from_glimpse(glimpse)
    assert Unet(4, 1).context(torch.zeros(1, 3, 8, 8)) is None


@pytest.mark.parametrize("scale", [1, 4])
def test_without_colour_skip_the_photo_reaches_the_output_only_through_the_network(scale: int) -> None:
    unet = Unet(4, 1, scale=scale, colour_skip=False)
    assert not any("colours" in name for name, _ in unet.named_parameters())
    with torch.no_grad():
        unet.draw[1].weight.zero_()
        assert unet(torch.rand(1, 3, 16, 16) * 2 - 1).abs().max() == 0
        skipping = Unet(4, 1, scale=scale)
        skipping.draw[1].weight.zero_()
        white = torch.ones(1, 3, 16, 16)
        assert (skipping(white) - white).abs().max() < 0.05


@pytest.mark.parametrize("images", [1, 3])
def test_instance_norm_is_that_of_torch_in_training_and_afterwards(images: int) -> None:
    torch.manual_seed(0)
    features = (torch.randn(images, 5, 6, 7) * 3 + 2).to(memory_format=torch.channels_last)
    layer, reference = InstanceNorm(5), nn.InstanceNorm2d(5, affine=True)
    with torch.no_grad():
        layer.weight.copy_(torch.rand(5) + 0.5)
        layer.bias.copy_(torch.randn(5))
        reference.load_state_dict(layer.state_dict())
    for mode in (True, False):
        torch.testing.assert_close(layer.train(mode)(features), reference(features))
    layer.train()(features).square().sum().backward()
    reference(features).square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, reference.weight.grad)


def test_a_unet_with_instance_norm_sees_the_whole_photo_in_every_pixel() -> None:
    torch.manual_seed(0)
    unet = Unet(4, 1, scale=4, norm="instance", colour_skip=False).eval()
    photo = torch.rand(1, 3, 256, 32) - 0.5
    changed = photo.clone()
    changed[:, :, -8:] = 0.5
    assert unet.global_context
    assert unet.receptive_field_px < 200
    assert (unet(photo) - unet(changed))[:, :, :8].abs().max() > 0
