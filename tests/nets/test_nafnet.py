"""NAFNet: its size, its initial weights, its channel attention over windows."""

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
        nafnet = Nafnet()
    stated = " ".join(str(Nafnet.__doc__).split())
    assert f"{sum(weight.numel() for weight in nafnet.parameters()):,} parameters" in stated
    assert f"{count_gmacs(nafnet, 256):.2f} GMAC at 256x256" in stated


def test_the_start_keeps_the_scale_of_features() -> None:
    nafnet = Nafnet(16, (1, 1, 1))
    scales: list[float] = []
    for module in (nafnet.stem, *nafnet.encoder, *nafnet.decoder):
        module.register_forward_hook(lambda _module, _inputs, output: scales.append(float(output.std())))
    with torch.no_grad():
        nafnet(torch.rand(1, 3, 64, 64) * 2 - 1)
    assert len(scales) == 6
    assert min(scales) > 0.2
    assert max(scales) < 5


def test_attention_weighs_channels_by_their_surroundings_and_starts_near_1() -> None:
    block = Nafnet(8, (1, 1)).encoder[0][0]
    assert torch.equal(block.channel_attention.bias, torch.ones(8))
    attended: list[torch.Tensor] = []
    block.attention_projection.register_forward_pre_hook(lambda _module, inputs: attended.append(inputs[0]))
    features = torch.randn(1, 8, 16, 16)
    with torch.no_grad():
        block(features, None)
        block.channel_attention.weight.zero_()
        block(features, None)
        block.channel_attention.bias.zero_()
        block(features, None)
    gated = block.depthwise(features)
    initial, without_weights, muted = attended
    torch.testing.assert_close(without_weights, gated)
    assert (initial - gated).abs().max() > 1e-3
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


def test_weights_with_the_keys_of_version_1_load() -> None:
    torch.manual_seed(0)
    network = Nafnet(8, (1, 1), styles=2)
    old_names = {
        "encoder": "encode",
        "decoder": "decode",
        "downsample": "halve",
        "upsample_projection": "project",
        "head": "draw",
        "depthwise": "look",
        "channel_attention": "weigh",
        "attention_projection": "merge",
        "ffn": "think",
        "ffn_projection": "conclude",
    }
    weights = network.state_dict()
    old = {".".join(old_names.get(part, part) for part in key.split(".")): value for key, value in weights.items()}
    kept = {key for key in weights if key.split(".")[0] in ("stem", "colours")}
    assert set(old) & set(weights) == kept
    other = Nafnet(8, (1, 1), styles=2)
    other.load_state_dict(old)
    for key, value in other.state_dict().items():
        torch.testing.assert_close(value, weights[key], rtol=0, atol=0)
