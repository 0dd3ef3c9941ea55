"""Cross-layer equalisation: the network computes the same, and its 8-bit version comes closer to it."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch

from pix2style.export.graph_session import GraphSession
from pix2style.export.lite import best_exponent as best_exponent_module
from pix2style.export.lite.best_exponent import EXPONENTS, best_exponent
from pix2style.export.lite.calibration import calibrate
from pix2style.export.lite.equalisation import equalise_channels
from pix2style.export.lite.int8_layers import Int8Layers
from pix2style.export.lite.lite_graph import lite_graph
from pix2style.export.reference import generate
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.images import Image8, to_batch
from pix2style.images.difference import psnr_db
from pix2style.nets.lite import Lite, ResidualBlock

_CALIBRATION = [synthetic_photo(72, 60, seed) for seed in range(12)]  # four for each of three styles
_HELD_OUT = [synthetic_photo(60, 72, seed) for seed in (10, 11)]


@pytest.fixture(params=[(1, "none"), (1, "instance"), (3, "none")], ids=["lite", "instance", "styles"])
def uneven(request: pytest.FixtureRequest) -> Lite:
    """A network after a short training, whose hidden channels were scaled by 0.03 to 30: the same function in float."""
    return copy.deepcopy(_uneven(*request.param))


@functools.cache
def _uneven(styles: int, norm: str) -> Lite:
    torch.manual_seed(0)
    network = Lite(channels=16, blocks=2, styles=styles, norm=norm)
    photo = torch.from_numpy(to_batch([synthetic_photo(64, 64, seed) for seed in range(4)]))
    style = torch.eye(network.styles).repeat(4, 1)[:4] if network.styles > 1 else None
    adam = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(60):
        adam.zero_grad()
        (network(photo, style=style) - torch.tanh(3 * photo.flip(1))).abs().mean().backward()
        adam.step()
    folded = network.folded()
    with torch.no_grad():
        for block in folded.body:
            assert isinstance(block, ResidualBlock)
            second = block.second.layer if folded.styles > 1 else block.second
            factors = 10 ** torch.linspace(-1.5, 1.5, folded.channels)
            if block.first_norm is None:
                block.first.weight.mul_(factors.view(-1, 1, 1, 1))  # type: ignore[operator]
                block.first.bias.mul_(factors)  # type: ignore[operator]
            else:  # behind the normalisation the channels have the ranges that it gives them
                block.first_norm.weight.mul_(factors)
            second.weight.div_(factors.view(1, -1, 1, 1))  # type: ignore[union-attr,operator]
    return folded


def _output_in_8_bits(network: Lite) -> list[Image8]:
    graph = lite_graph(network, Int8Layers(network, calibrate(network, _CALIBRATION)))
    return list(GraphSession(graph).stylize(_HELD_OUT))


def test_output_is_the_same(uneven: Lite) -> None:
    equalised = equalise_channels(uneven, _CALIBRATION, 0.45)
    for style in range(uneven.styles):
        before, after = generate(uneven, _HELD_OUT, style=style), generate(equalised, _HELD_OUT, style=style)
        assert max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(before, after, strict=True)) <= 1


def test_the_original_is_unchanged_and_the_result_is_reproducible(uneven: Lite) -> None:
    before = {name: value.clone() for name, value in uneven.state_dict().items()}
    first, second = (equalise_channels(uneven, _CALIBRATION, 0.45).state_dict() for _ in range(2))
    assert all(torch.equal(before[name], value) for name, value in uneven.state_dict().items())
    assert all(torch.equal(first[name], value) for name, value in second.items())
    assert any(not torch.equal(before[name], value) for name, value in first.items())


def test_channels_have_similar_ranges_afterwards(uneven: Lite) -> None:
    def largest_over_median(network: Lite) -> float:
        maxima: list[torch.Tensor] = []
        block = network.body[0]
        assert isinstance(block, ResidualBlock)
        hook = (block.first_norm or block.first).register_forward_hook(
            lambda _module, _inputs, output: maxima.append(output.relu().amax(dim=(0, 2, 3)))
        )
        generate(network, _CALIBRATION[:1])
        hook.remove()
        alive = maxima[0][maxima[0] > 0]
        return float(alive.max() / alive.median())

    assert largest_over_median(equalise_channels(uneven, _CALIBRATION, 0.45)) < largest_over_median(uneven) / 3


def test_8_bits_are_closer_to_the_network(uneven: Lite) -> None:
    expected = generate(uneven, _HELD_OUT)
    psnr_before, psnr_after = (
        np.mean([psnr_db(a, b) for a, b in zip(_output_in_8_bits(network), expected, strict=True)])
        for network in (uneven, equalise_channels(uneven, _CALIBRATION, 0.45))
    )
    assert psnr_after > psnr_before + 1  # measured with trained filters: 1.6 and 2.1 dB


def test_the_best_exponent_has_the_smallest_error(uneven: Lite, monkeypatch: pytest.MonkeyPatch) -> None:
    assert best_exponent(uneven, _CALIBRATION) in EXPONENTS
    errors = dict(zip(EXPONENTS, (2.0, 1.99, 1.5, 1.6), strict=True))  # the second one is hardly better
    monkeypatch.setattr(
        best_exponent_module, "_error", lambda _network, _photos, _references, exponent: errors[exponent]
    )
    assert best_exponent(uneven, _CALIBRATION) == EXPONENTS[2]
    errors[EXPONENTS[2]], errors[EXPONENTS[3]] = 1.99, 2.1
    assert best_exponent(uneven, _CALIBRATION) == EXPONENTS[0]
