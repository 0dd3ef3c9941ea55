"""Channels brought to one range: the same pictures, and nearer ones in 8 bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pix2style.export.graph import build_graph
from pix2style.export.graph_session import GraphSession
from pix2style.export.lite.calibration import calibrate
from pix2style.export.lite.equalisation import equalised
from pix2style.export.reference import paint
from pix2style.export.verify import photo_like
from pix2style.images import Image8, to_batch
from pix2style.images.difference import psnr_db
from pix2style.nets.lite import Lite, ResidualBlock

_PHOTOS = [photo_like(72, 60, seed) for seed in range(12)]  # so that each of three styles is seen on four
_OTHERS = [photo_like(60, 72, seed) for seed in (10, 11)]


@pytest.fixture(params=[1, 3], ids=["lite", "styles"])
def uneven(request: pytest.FixtureRequest) -> Lite:
    """A network after some steps, with inner channels from 0.03 to 30 times as wide: the same function in float."""
    torch.manual_seed(0)
    network = Lite(channels=16, blocks=2, styles=request.param)
    photo = torch.from_numpy(to_batch([photo_like(64, 64, seed) for seed in range(4)]))
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
            block.first.weight.mul_(factors.view(-1, 1, 1, 1))  # type: ignore[operator]
            block.first.bias.mul_(factors)  # type: ignore[operator]
            second.weight.div_(factors.view(1, -1, 1, 1))  # type: ignore[union-attr,operator]
    return folded


def _in_8_bits(network: Lite) -> list[Image8]:
    session = GraphSession(build_graph(network, "int8", calibrate(network, _PHOTOS)).SerializeToString())
    return list(session.paint(_OTHERS))


def test_paints_the_same(uneven: Lite) -> None:
    even = equalised(uneven, _PHOTOS)
    for style in range(uneven.styles):
        before, after = paint(_OTHERS, uneven, style=style), paint(_OTHERS, even, style=style)
        assert max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(before, after, strict=True)) <= 1


def test_itself_is_unchanged_and_the_same_photos_give_the_same(uneven: Lite) -> None:
    before = {name: value.clone() for name, value in uneven.state_dict().items()}
    first, second = equalised(uneven, _PHOTOS).state_dict(), equalised(uneven, _PHOTOS).state_dict()
    assert all(torch.equal(before[name], value) for name, value in uneven.state_dict().items())
    assert all(torch.equal(first[name], value) for name, value in second.items())
    assert any(not torch.equal(before[name], value) for name, value in first.items())


def test_channels_have_about_one_range_afterwards(uneven: Lite) -> None:
    def spread(network: Lite) -> float:
        found: list[torch.Tensor] = []
        block = network.body[0]
        assert isinstance(block, ResidualBlock)
        handle = block.first.register_forward_hook(
            lambda _module, _given, out: found.append(out.relu().amax(dim=(0, 2, 3)))
        )
        paint(_PHOTOS[:1], network)
        handle.remove()
        alive = found[0][found[0] > 0]
        return float(alive.max() / alive.median())

    assert spread(equalised(uneven, _PHOTOS)) < spread(uneven) / 3


def test_8_bits_are_nearer_to_the_network(uneven: Lite) -> None:
    wanted = paint(_OTHERS, uneven)
    plain, even = (
        np.mean([psnr_db(a, b) for a, b in zip(_in_8_bits(network), wanted, strict=True)])
        for network in (uneven, equalised(uneven, _PHOTOS))
    )
    assert even > plain + 1  # trained filters: 1.6 and 2.1 dB
