"""The transformer: its size, its start, its attention over windows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from pix2style.nets.blocks import ChannelNorm
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.receptive import Span


def test_size_is_what_the_docstring_says(count_gmacs: Callable[[nn.Module, int], float]) -> None:
    with torch.device("meta"):
        transformer = Nafnet()
    stated = " ".join(str(Nafnet.__doc__).split())
    assert f"{sum(weight.numel() for weight in transformer.parameters()):,} parameters" in stated
    assert f"{count_gmacs(transformer, 256):.2f} GMAC at 256x256" in stated


def test_the_start_keeps_the_scale_of_features() -> None:
    transformer = Nafnet(16, (1, 1, 1))
    scales: list[float] = []
    for part in (transformer.stem, *transformer.encode, *transformer.decode):
        part.register_forward_hook(lambda _module, _inputs, output: scales.append(float(output.std())))
    with torch.no_grad():
        transformer(torch.rand(1, 3, 64, 64) * 2 - 1)
    assert len(scales) == 6
    assert min(scales) > 0.2
    assert max(scales) < 5


def test_attention_weighs_channels_by_their_surroundings_and_starts_at_1() -> None:
    block = Nafnet(8, (1, 1)).encode[0][0]
    assert torch.equal(block.weigh.bias, torch.ones(8))
    seen: list[torch.Tensor] = []
    block.merge.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    features = torch.randn(1, 8, 16, 16)
    with torch.no_grad():
        block(features, None)
        block.weigh.weight.zero_()
        block(features, None)
        block.weigh.bias.zero_()
        block(features, None)
    looked, weighed, muted = block.look(features), seen[0], seen[2]
    torch.testing.assert_close(seen[1], looked)
    assert (weighed - looked).abs().max() > 1e-3
    assert not muted.any()


def test_channel_norm_normalises_each_pixel_over_its_channels() -> None:
    norm = ChannelNorm(6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    features = torch.randn(2, 6, 3, 5) * 7 + 2
    with torch.no_grad():
        pixel = F.layer_norm(features[1, :, 2, 4], (6,)) * norm.weight + norm.bias
        torch.testing.assert_close(norm(features)[1, :, 2, 4], pixel)


def test_span_of_a_linear_enlargement() -> None:
    # Output 3 of factor 4 lies at 0.375 of the inputs, output 2 at 0.125, output 1 at -0.125.
    assert Span(1, 1).input_of_linear(4) == Span(-1, 0)
    assert Span(2, 3).input_of_linear(4) == Span(0, 1)
    assert Span(0, 7).input_of_linear(4) == Span(-1, 2)


@pytest.mark.parametrize("blocks", [(), (1, 0)])
def test_refuses_levels_without_blocks(blocks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 1 for each level"):
        Nafnet(8, blocks)
