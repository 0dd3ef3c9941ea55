"""The lightweight generator: its size, its branches, its context, its initialisation."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.images.glimpse import GLIMPSE_SIDE_PX, glimpse
from pix2style.nets.blocks import icnr_
from pix2style.nets.flat_head import FlatHead
from pix2style.nets.lite import Lite, RepConv, depth_to_space


def test_size_is_what_the_docstring_says(count_gmacs: Callable[[nn.Module, int], float]) -> None:
    folded = Lite().folded().to("meta")
    parameters = sum(weight.numel() for weight in folded.parameters())
    stated = " ".join(str(Lite.__doc__).split())
    assert f"{parameters:,} parameters" in stated
    assert f"{sum(weight.numel() for weight in Lite().parameters()):,} parameters while training" in stated
    for side in (256, 512):
        assert f"{count_gmacs(folded, side):.2f} GMAC at {side}x{side}" in stated
    assert parameters < 260_000


def _sum_of_branches(block: RepConv, features: Tensor) -> Tensor:
    point = F.conv2d(features, block.point[:, :, None, None])
    return F.conv2d(features, block.full, block.bias, padding=1) + point


def test_merged_kernel_equals_the_branches() -> None:
    block = RepConv(8)
    nn.init.normal_(block.bias)
    features = torch.randn(2, 8, 9, 11)
    with torch.no_grad():
        expected = _sum_of_branches(block, features)
        torch.testing.assert_close(block(features), expected, atol=1e-5, rtol=0)
        plain = block.fold()
        assert type(plain) is nn.Conv2d
        torch.testing.assert_close(plain(features), expected, atol=1e-5, rtol=0)


def test_folded_has_only_plain_layers() -> None:
    folded = Lite(8, 3).folded()
    kinds = {type(module) for module in folded.modules()}
    assert RepConv not in kinds
    assert not kinds & {nn.InstanceNorm2d, nn.BatchNorm2d, nn.GroupNorm, nn.ConvTranspose2d}


def test_padding_does_not_reach_the_context() -> None:
    lite = Lite(8, 1, scale=8).eval()
    _randomize_context(lite)
    photo = torch.rand(1, 3, 9, 9)
    glimpses: list[Tensor] = []
    lite.context_network.register_forward_pre_hook(lambda _module, inputs: glimpses.append(inputs[0]))
    with torch.no_grad():
        image = lite(photo)
        image_with_context = lite(photo, lite.context(photo))
    assert torch.equal(glimpses[0], lite.glimpse(photo))
    assert glimpses[0].shape == (1, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX)
    assert torch.equal(image, image_with_context)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (5, 96), (321, 481), (1080, 1920)])
def test_the_glimpses_of_numpy_and_torch_are_the_same(height: int, width: int) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    from_torch = Lite(8, 1).glimpse(torch.from_numpy(photo).permute(2, 0, 1)[None].float())
    assert np.array_equal(from_torch[0].permute(1, 2, 0).numpy(), glimpse(photo))


def _randomize_context(lite: Lite) -> None:
    """Make the context depend on the glimpse; that of an untrained network is zero."""
    nn.init.normal_(lite.context_network.statistics_layers[-1].weight)  # type: ignore[arg-type]


def test_the_context_changes_every_pixel() -> None:
    lite = Lite(8, 1).eval()
    _randomize_context(lite)
    photo = torch.rand(1, 3, 8, 128) * 2 - 1
    brighter = photo.clone()
    brighter[..., 64:] = 1
    with torch.no_grad():
        change = (lite(brighter) - lite(photo))[..., : 64 - lite.receptive_field_px]
    assert change.abs().mean() > 1e-4


def test_depth_to_space_orders_channels_by_row_column_colour() -> None:
    patches = torch.arange(2 * 12 * 3 * 5, dtype=torch.float32).reshape(2, 12, 3, 5)
    image = depth_to_space(patches, 2)
    assert image.shape == (2, 3, 6, 10)
    for row, column, colour in itertools.product(range(6), range(10), range(3)):
        channel = (row % 2 * 2 + column % 2) * 3 + colour
        assert torch.equal(image[:, colour, row, column], patches[:, channel, row // 2, column // 2])


def test_the_head_gives_equal_pixels_where_features_are_constant() -> None:
    head = FlatHead(6, 3, 4)
    for parameter in head.parameters():
        nn.init.normal_(parameter)
    with torch.no_grad():
        constant = head(torch.randn(1, 6, 1, 1).expand(1, 6, 5, 5))[0, :, 2, 2].view(4, 3)
        torch.testing.assert_close(constant, constant[:1].expand(4, 3), atol=1e-5, rtol=0)
        features = torch.randn(2, 6, 7, 9)
        different = head(features)[0, :, 3, 3].view(4, 3)
        assert (different - different[:1]).abs().max() > 0.1
        torch.testing.assert_close(head.fold()(features), head(features), atol=1e-5, rtol=0)


def test_an_untrained_network_has_no_checkerboard() -> None:
    image = Lite(8, 2).eval()(torch.rand(1, 3, 32, 48) * 2 - 1)
    small = image[..., ::4, ::4]
    assert torch.equal(image, small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3))
    assert small.std() > 0


def test_values_outside_the_range_have_a_gradient() -> None:
    lite = Lite(8, 1).train()
    nn.init.constant_(lite.head.get_parameter("bias"), 3.0)
    image = lite(torch.zeros(1, 3, 8, 8))
    assert image.max() <= 1 + 1e-6
    image.mean().backward()
    assert isinstance(lite.head, FlatHead)
    assert lite.head.bias.grad is not None
    assert (lite.head.bias.grad > 0).all()


def test_feature_stages_are_the_middle_and_the_last_block() -> None:
    lite = Lite(8, 4, scale=2).eval()
    middle, last = lite.stages_at_scale(2)
    assert (middle.index, middle.channels, last.index, last.channels) == (1, 8, 3, 8)
    block_outputs: list[Tensor] = []
    for block in lite.body:
        block.register_forward_hook(lambda _module, _inputs, output: block_outputs.append(output))
    photo = torch.rand(1, 3, 9, 10) * 2 - 1
    with torch.no_grad():
        output = lite(photo, feature_stages=(middle.index, last.index))
        assert torch.equal(output.image, lite(photo))
    assert output.features.keys() == {1, 3}
    assert all(torch.equal(features, block_outputs[stage]) for stage, features in output.features.items())


def test_icnr_starts_as_nearest_neighbour() -> None:
    conv = nn.Conv2d(5, 3 * 16, 3, padding=1, bias=False)
    icnr_(conv.weight, factor=4, std=0.1)
    with torch.no_grad():
        large = F.pixel_shuffle(conv(torch.randn(1, 5, 4, 6)), 4)
    small = large[..., ::4, ::4]
    assert torch.equal(large, small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3))
    assert small.std() > 0


def test_weights_with_the_keys_of_version_1_load() -> None:
    old_names = {"context_network": "observe", "patch_layers": "look", "statistics_layers": "tell"}
    weights = Lite(8, 1).state_dict()
    old = {".".join(old_names.get(part, part) for part in key.split(".")): value for key, value in weights.items()}
    assert {key.split(".")[0] for key in set(old) - set(weights)} == {"observe"}
    other = Lite(8, 1)
    other.load_state_dict(old)
    for key, value in other.state_dict().items():
        torch.testing.assert_close(value, weights[key], rtol=0, atol=0)
