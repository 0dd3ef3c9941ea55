"""Every key of the section `model` reaches the network that it belongs to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from pix2style.config import ModelConfig, parse_config
from pix2style.errors import ConfigError
from pix2style.nets.discriminator import MultiScalePatchGan, PatchGan, PixelGan
from pix2style.nets.lite import Lite
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.resnet import Resnet
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017
from pix2style.runs.networks import build_discriminator, build_generator


def _model(**model: Any) -> ModelConfig:
    return parse_config({"model": model}).model


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"generator": "unet"}, Unet),
        (
            {"generator": "unet", "unet": {"channels": 8, "levels": 2, "upsample": "shuffle", "norm": "group"}},
            lambda: Unet(8, 2, "shuffle", "group"),
        ),
        ({"generator": "unet-2017"}, Unet2017),
        (
            {"generator": "unet-2017", "unet_2017": {"channels": 4, "downsamplings": 6, "dropout": False}},
            lambda: Unet2017(4, 6, dropout=False),
        ),
        ({"generator": "resnet"}, Resnet),
        (
            {"generator": "resnet", "resnet": {"channels": 4, "blocks": 2, "upsample": "resize", "norm": "none"}},
            lambda: Resnet(4, 2, "resize", "none"),
        ),
        ({"generator": "transformer"}, Nafnet),
        (
            {"generator": "transformer", "transformer": {"channels": 8, "blocks": [2, 1]}},
            lambda: Nafnet(8, (2, 1)),
        ),
        ({"generator": "lite"}, Lite),
        ({"generator": "lite", "lite": {"channels": 8, "blocks": 2, "scale": 8}}, lambda: Lite(8, 2, 8)),
    ],
)
@pytest.mark.parametrize("styles", [1, 3])
def test_generators(model: dict[str, Any], expected: Any, styles: int) -> None:
    with torch.device("meta"):
        built, wanted = build_generator(_model(**model, styles=styles)), expected()
    assert type(built) is type(wanted)
    assert built.styles == styles
    if styles == 1:
        assert str(built) == str(wanted)
        assert built.global_context == wanted.global_context


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, PatchGan),
        ({"channels": 8, "layers": 2, "norm": "batch"}, lambda: PatchGan(8, 2, "batch")),
        (
            {"kind": "multiscale", "channels": 8, "scales": 3, "norm": "none"},
            lambda: MultiScalePatchGan(3, 8, 3, "none"),
        ),
        ({"kind": "pixel", "channels": 8}, lambda: PixelGan(8)),
    ],
)
@pytest.mark.parametrize("limited", [False, True])
def test_discriminators(settings: dict[str, Any], expected: Any, limited: bool) -> None:
    built = build_discriminator(_model(discriminator={**settings, "spectral_norm": limited}))
    if not limited:
        assert str(built) == str(expected())
    convs = [module for module in built.modules() if isinstance(module, nn.Conv2d)]
    assert all(parametrize.is_parametrized(conv) == limited for conv in convs)


def test_levels_without_blocks_are_refused_by_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"transformer -> blocks"):
        _model(transformer={"blocks": [1, 0]})


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"unet": {"context": True, "norm": "instance"}}, r"context: true .* norm: instance .* leave one of them out"),
        ({"unet": {"context": True, "norm": "group"}}, r"context: true .* norm: group"),
        ({"generator": "lite", "styles": 2, "lite": {"norm": "instance"}}, r"holds one style: set styles: 1"),
    ],
)
def test_norms_that_do_not_fit_are_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _model(**section)
