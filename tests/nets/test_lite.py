"""The lightweight generator: its size, its branches, its view of the whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import icnr_
from pix2style.nets.lite import Lite, RepConv
from pix2style.nets.thumbnail import thumbnail


def test_size_is_what_the_docstring_says(count_gmacs: Callable[[nn.Module, int], float]) -> None:
    folded = Lite().folded().to("meta")
    parameters = sum(weight.numel() for weight in folded.parameters())
    stated = " ".join(str(Lite.__doc__).split())
    assert f"{parameters:,} parameters" in stated
    assert f"{sum(weight.numel() for weight in Lite().parameters()):,} parameters while training" in stated
    for side in (256, 512):
        assert f"{count_gmacs(folded, side):.2f} GMAC at {side}x{side}" in stated
    assert parameters < 100_000


def _branch_by_branch(block: RepConv, features: Tensor) -> Tensor:
    point = F.conv2d(features, block.point[:, :, None, None])
    return F.conv2d(features, block.full, block.bias, padding=1) + point + features


def test_merged_kernel_equals_the_branches() -> None:
    block = RepConv(8)
    nn.init.normal_(block.bias)
    features = torch.randn(2, 8, 9, 11)
    with torch.no_grad():
        expected = _branch_by_branch(block, features)
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
    nn.init.normal_(lite.observe.tell.weight)
    photo = torch.rand(1, 3, 9, 9)
    seen: list[Tensor] = []
    lite.observe.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        painted = lite(photo)
        given = lite(photo, lite.context(photo))
    assert torch.equal(seen[0], thumbnail(photo, 16))
    assert torch.equal(painted, given)


def test_the_context_changes_the_picture_everywhere() -> None:
    lite = Lite(8, 1).eval()
    nn.init.normal_(lite.observe.tell.weight)
    photo = torch.rand(1, 3, 8, 128) * 2 - 1
    brighter = photo.clone()
    brighter[..., 64:] = 1
    with torch.no_grad():
        change = (lite(brighter) - lite(photo))[..., : 64 - lite.receptive_field_px]
    assert change.abs().mean() > 1e-4


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (32, 48), (7, 33), (250, 3)])
def test_thumbnail_averages_equal_areas(height: int, width: int) -> None:
    photo = torch.rand(1, 2, height, width)
    # Enlarged 16 times, every cell's border falls on whole pixels, and plain means are exact.
    enlarged = photo.repeat_interleave(16, dim=2).repeat_interleave(16, dim=3)
    expected = enlarged.reshape(1, 2, 16, height, 16, width).mean(dim=(3, 5))
    torch.testing.assert_close(thumbnail(photo, 16), expected, atol=1e-5, rtol=0)


def test_icnr_starts_as_nearest_neighbour() -> None:
    conv = nn.Conv2d(5, 3 * 16, 3, padding=1, bias=False)
    icnr_(conv.weight, factor=4, std=0.1)
    with torch.no_grad():
        large = F.pixel_shuffle(conv(torch.randn(1, 5, 4, 6)), 4)
    small = large[..., ::4, ::4]
    assert torch.equal(large, small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3))
    assert small.std() > 0
