"""No checkerboards (pix2pix #64, #190, #1021): a flat photo stays flat, on the grid of the upsampling too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pix2style.nets.flat_head import FlatHead
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.resnet import Resnet
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017

_FLAT = (0.3, -0.5, 0.8)


def _checkerboard(generator: Generator, period: int) -> float:
    """Standard deviation, over the phases of a grid of `period`, of the mean of each phase, on a flat photo.

    Only the middle counts, where no border is seen.
    """
    margin = -(-generator.receptive_field_px // generator.size_multiple) * generator.size_multiple
    side = 2 * margin + 2 * max(period, generator.size_multiple)
    photo = torch.tensor(_FLAT)[None, :, None, None].expand(1, 3, side, side)
    with torch.no_grad():
        middle = generator.eval()(photo)[..., margin:-margin, margin:-margin]
    return _phase_deviation(middle, period)


def _phase_deviation(picture: Tensor, period: int) -> float:
    rows, columns = picture.shape[-2] // period, picture.shape[-1] // period
    phases = picture.reshape(3, rows, period, columns, period).mean(dim=(1, 3))
    return float(phases.flatten(1).std(dim=1).max())


def _loud(generator: Generator) -> Generator:
    """With every weight random and large: a resize-convolution has no checkerboard whatever it learned."""
    for weight in generator.parameters():
        nn.init.normal_(weight, std=0.3)
    return generator


@pytest.mark.parametrize(
    "make",
    [
        lambda: Unet(channels=4, levels=2, upsample="resize"),
        lambda: _loud(Unet(channels=4, levels=2, upsample="resize")),
        lambda: Unet(channels=4, levels=2, upsample="shuffle"),
        lambda: Resnet(channels=4, blocks=1, upsample="resize", norm="none"),
        lambda: _loud(Resnet(channels=4, blocks=1, upsample="resize", norm="none")),
        lambda: Nafnet(channels=8, blocks=(1, 1)),
        lambda: _loud(Nafnet(channels=8, blocks=(1, 1))),
        lambda: Lite(channels=8, blocks=2, scale=4),
        lambda: Lite(channels=8, blocks=2, scale=8),
    ],
)
def test_no_checkerboard(make: Callable[[], Generator]) -> None:
    generator = make()
    for period in (2, 4, 8):
        assert _checkerboard(generator, period) < 1e-6


def test_a_transposed_convolution_is_caught() -> None:
    assert _checkerboard(Unet2017(channels=8, downsamplings=5), 2) > 1e-5
    assert _checkerboard(_loud(Resnet(channels=4, blocks=1, norm="none")), 2) > 1e-3


def test_a_trained_head_draws_none_either() -> None:
    lite = Lite(channels=8, blocks=2)
    assert isinstance(lite.head, FlatHead)
    for parameter in lite.parameters():
        nn.init.normal_(parameter, std=0.05)
    assert lite.head.weight[0].std() > 0.01
    for period in (2, 4, 8):
        assert _checkerboard(lite, period) < 1e-6


def test_a_pixel_shuffle_without_icnr_is_caught() -> None:
    lite = Lite(channels=8, blocks=2)
    assert isinstance(lite.head, FlatHead)
    plain = nn.Conv2d(lite.head.in_channels, lite.head.out_channels, 3, padding=1)
    nn.init.normal_(plain.weight, std=0.03)
    lite.head = plain
    assert _checkerboard(lite, 4) > 1e-3
