"""Several styles in one network: whose picture is whose, mixtures, and the network of one style that is left."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite, RepConv
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.resnet import Resnet
from pix2style.nets.style_condition import ConditionalAffine, ConditionalColourMatrix, ConditionalLayer, style_weights
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017

Pictures = Callable[..., Tensor]
MAKE: dict[str, Callable[[int], Generator]] = {
    "unet": lambda styles: Unet(4, 2, styles=styles),
    "unet-shuffle": lambda styles: Unet(4, 2, "shuffle", styles=styles),
    "unet-group": lambda styles: Unet(4, 2, norm="group", styles=styles),
    "unet-patches": lambda styles: Unet(4, 1, styles=styles, scale=4, blocks=2, context=True),
    "unet-2017": lambda styles: Unet2017(2, 5, styles=styles),
    "resnet": lambda styles: Resnet(4, 2, styles=styles),
    "resnet-plain": lambda styles: Resnet(4, 2, "resize", "none", styles=styles),
    "transformer": lambda styles: Nafnet(8, (1, 1), styles=styles),
    "lite": lambda styles: Lite(8, 2, styles=styles),
}
STYLES = 3


@pytest.fixture(params=sorted(MAKE))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def several(kind: str, shake: Callable[[Generator], Generator]) -> Generator:
    """Three styles that paint visibly differently, in eval mode."""
    return _apart(shake(MAKE[kind](STYLES)))


def _apart(generator: Generator) -> Generator:
    for module in generator.modules():
        if isinstance(module, ConditionalLayer):
            nn.init.normal_(module.table, std=0.3)
    return generator


def test_one_style_costs_nothing(kind: str) -> None:
    generator = MAKE[kind](1)
    assert not any(isinstance(module, ConditionalLayer) for module in generator.modules())
    assert not any("table" in name for name in generator.state_dict())


@pytest.mark.parametrize(
    ("build", "parameters"), [(Unet, 13_822_047), (Unet2017, 54_413_955), (Resnet, 11_378_179), (Lite, 176_720)]
)
def test_one_style_has_the_parameters_it_had(build: Callable[[], Generator], parameters: int) -> None:
    with torch.device("meta"):
        generator = build()
    assert sum(weight.numel() for weight in generator.parameters()) == parameters


def test_a_style_more_costs_a_small_share(kind: str) -> None:
    with torch.device("meta"):
        default: dict[str, Callable[[int], Generator]] = {
            "unet": lambda styles: Unet(styles=styles),
            "unet-2017": lambda styles: Unet2017(styles=styles),
            "resnet": lambda styles: Resnet(styles=styles),
            "transformer": lambda styles: Nafnet(styles=styles),
            "lite": lambda styles: Lite(styles=styles),
        }
        if kind not in default:
            pytest.skip("a variant")
        two, three = (sum(w.numel() for w in default[kind](styles).parameters()) for styles in (2, 3))
    assert 0 < three - two < 0.006 * two


def test_starts_alike_in_every_style(kind: str, pictures: Pictures) -> None:
    generator = MAKE[kind](STYLES).eval()
    photo = pictures(1, 32, 32).expand(STYLES, -1, -1, -1)
    with torch.no_grad():
        painted = generator(photo, style=torch.eye(STYLES))
    torch.testing.assert_close(painted[1:], painted[:1].expand(STYLES - 1, -1, -1, -1), atol=1e-5, rtol=0)


def test_styles_differ_and_a_batch_may_mix_them(several: Generator, pictures: Pictures) -> None:
    photo = pictures(1, 32, 40).expand(STYLES, -1, -1, -1)
    with torch.no_grad():
        together = several(photo, style=torch.eye(STYLES))
        alone = torch.cat([several(photo[:1], style=torch.eye(STYLES)[[style]]) for style in range(STYLES)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (together[one] - together[other]).abs().mean() > 0.01


@pytest.mark.parametrize("weights", [0, 2, (0.5, 0.5, 0.0), (0.2, 0.3, 0.5)])
def test_fixed_paints_that_style_or_mixture(
    several: Generator, pictures: Pictures, weights: int | tuple[float, ...]
) -> None:
    photo = pictures(2, 33, 21)
    style = (torch.eye(STYLES)[weights] if isinstance(weights, int) else torch.tensor(weights)).expand(2, -1)
    before = copy.deepcopy(several.state_dict())
    fixed = several.train().with_fixed_style(weights)
    assert several.training
    assert not fixed.training
    assert type(fixed) is type(several)
    with torch.no_grad():
        wanted, given = several.eval()(photo, style=style), fixed(photo)
        torch.testing.assert_close(given, wanted, atol=1e-4, rtol=0)
        torch.testing.assert_close(fixed.folded()(photo), wanted, atol=1e-4, rtol=0)
        for tensor in fixed.parameters():
            tensor.zero_()  # shares nothing with the original
    assert all(torch.equal(tensor, before[key]) for key, tensor in several.state_dict().items())


def test_fixed_is_an_ordinary_network_of_one_style(kind: str, several: Generator) -> None:
    fixed, ordinary = several.with_fixed_style(1).folded(), MAKE[kind](1).folded()
    assert fixed.styles == 1
    assert not any(isinstance(module, ConditionalLayer) for module in fixed.modules())
    surplus = sum(w.numel() for w in fixed.parameters()) - sum(w.numel() for w in ordinary.parameters())
    norms = [module for module in fixed.modules() if isinstance(module, nn.InstanceNorm2d)]
    assert surplus == sum(2 * norm.num_features for norm in norms)  # those have no scale and shift as published
    if not norms:
        assert fixed.state_dict().keys() == ordinary.state_dict().keys()


def test_a_fixed_network_of_a_fixed_one_is_refused(several: Generator) -> None:
    with pytest.raises(ValueError, match="holds one style: there is nothing to choose"):
        several.with_fixed_style(1).with_fixed_style(0)


def test_tiles_of_a_fixed_network_equal_the_whole(kind: str, several: Generator, pictures: Pictures) -> None:
    fixed = several.with_fixed_style((0.2, 0.3, 0.5))
    if fixed.global_context and fixed.context(pictures(1, 8, 8)) is None:
        pytest.skip("its normalisations look at the whole picture")
    radius, grid = fixed.receptive_field_px, fixed.size_multiple
    margin = -(-radius // grid) * grid
    photo = pictures(1, grid, 3 * margin + 2 * grid)
    start, stop = margin, 2 * margin + grid + 3
    with torch.no_grad():
        whole = fixed(photo)[..., start:stop]
        part = fixed(photo[..., start - margin : stop + margin], fixed.context(photo))[..., margin:-margin]
    torch.testing.assert_close(part, whole, atol=1e-5, rtol=0)


def test_gradients_reach_every_table(several: Generator, pictures: Pictures) -> None:
    several.train()(pictures(STYLES, 64, 64), style=torch.eye(STYLES)).square().mean().backward()
    tables = [module.table for module in several.modules() if isinstance(module, ConditionalLayer)]
    assert tables
    for table in tables:
        assert table.grad is not None
        assert table.grad.abs().sum(dim=1).all()  # every style's row


def test_a_style_learns_nothing_of_a_picture_in_another(several: Generator, pictures: Pictures) -> None:
    several(pictures(1, 32, 32), style=torch.eye(STYLES)[[1]]).square().mean().backward()
    for module in several.modules():
        if isinstance(module, ConditionalLayer):
            assert module.table.grad is not None
            assert not module.table.grad[[0, 2]].any()


def test_compiles_without_a_break(several: Generator, pictures: Pictures) -> None:
    photo, style = pictures(2, 32, 32), torch.eye(STYLES)[:2]
    with torch.no_grad():
        wanted = several(photo, style=style)
        torch.compiler.reset()
        compiled = torch.compile(several, backend="eager", fullgraph=True)(photo, style=style)
    torch.testing.assert_close(compiled, wanted)


def test_paints_the_same_in_bfloat16(kind: str, pictures: Pictures) -> None:
    generator, photo, style = MAKE[kind](STYLES), pictures(2, 32, 32), torch.eye(STYLES)[:2]
    with torch.autocast("cpu", torch.bfloat16):
        generator(photo, style=style).float().square().mean().backward()
    generator.eval()
    with torch.no_grad():
        wanted = generator(photo, style=style)
        with torch.autocast("cpu", torch.bfloat16):
            given = generator(photo, style=style)
    assert given.dtype == torch.bfloat16
    assert (given.float() - wanted).abs().max() < 0.03


def test_says_what_is_missing_or_too_much(pictures: Pictures) -> None:
    photo = pictures(2, 8, 8)
    with pytest.raises(
        ValueError, match=r"holds 3 styles: pass style=, their weights \[batch, 3\], or call with_fixed_style"
    ):
        Lite(8, 1, styles=3)(photo)
    with pytest.raises(ValueError, match="holds one style: leave style= out"):
        Lite(8, 1)(photo, style=torch.ones(2, 1))
    with pytest.raises(ValueError, match=r"style must be \[2, 3\], got \[1, 3\]"):
        Lite(8, 1, styles=3)(photo, style=torch.eye(3)[:1])


def test_mixture() -> None:
    assert style_weights(1, 3).tolist() == [0, 1, 0]
    torch.testing.assert_close(style_weights((0.33, 0.33, 0.33), 3), torch.full((3,), 1 / 3))
    assert style_weights([0.25, 0.75], 2).tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (3, "there is no style 3: choose one from 0 to 2"),
        (-1, "there is no style -1"),
        ((0.5, 0.5), "got 2 weights for 3 styles"),
        ((0.5, 0.5, 0.5), "their sum must be 1"),
        ((1.5, -0.5, 0.0), "must not be negative"),
        ((float("nan"), 0.5, 0.5), "must not be negative"),
    ],
)
def test_no_such_mixture(weights: int | tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        style_weights(weights, 3)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, 3, bias=False),
        nn.ConvTranspose2d(4, 6, 3, stride=2),
        nn.ConvTranspose2d(4, 6, 3, stride=2, bias=False),
        nn.BatchNorm2d(4),
        nn.InstanceNorm2d(4),
        nn.InstanceNorm2d(4, affine=True),
        nn.GroupNorm(2, 4),
        RepConv(4),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_scale_and_shift_go_into_the_layer_before(layer: nn.Module) -> None:
    features = torch.randn(2, 4, 7, 9)
    layer.eval()
    channels = layer(features).shape[1]
    styled = ConditionalAffine(layer, channels, 2)
    nn.init.normal_(styled.table)
    weights = torch.tensor([0.3, 0.7])
    scale, shift = (weights @ styled.table).view(2, 1, channels, 1, 1)
    with torch.no_grad():
        expected = layer(features) * (1 + scale) + shift
        torch.testing.assert_close(styled(features, weights.expand(2, -1)), expected, atol=1e-5, rtol=1e-5)
        plain = styled.with_fixed_style(weights).eval()
        assert not isinstance(plain, ConditionalLayer)
        torch.testing.assert_close(plain(features), expected, atol=1e-5, rtol=1e-5)


def test_refuses_a_layer_that_takes_no_scale() -> None:
    with pytest.raises(TypeError, match="into a ReLU"):
        ConditionalAffine(nn.Sequential(nn.ReLU())[0], 4, 2).with_fixed_style(torch.tensor([1.0, 0.0]))


def test_every_style_has_its_own_colour_matrix() -> None:
    colours = ConditionalColourMatrix(nn.Conv2d(3, 3, 1), 2)
    nn.init.normal_(colours.table)
    photo = torch.randn(2, 3, 4, 5)
    with torch.no_grad():
        painted = colours(photo, torch.eye(2))
        for style in range(2):
            numbers = colours.table[style]
            matrix = colours.matrix.weight[:, :, 0, 0] + numbers[:9].view(3, 3)
            expected = torch.einsum("oi,ihw->ohw", matrix, photo[style])
            expected += (colours.matrix.bias + numbers[9:])[:, None, None]
            torch.testing.assert_close(painted[style], expected, atol=1e-5, rtol=1e-5)


def test_fixing_makes_spectral_norm_plain_weights(pictures: Pictures) -> None:
    lite = _apart(Lite(8, 1, styles=2)).eval()
    parametrizations.spectral_norm(lite.stem.layer)
    fixed = lite.with_fixed_style(1)
    assert parametrize.is_parametrized(lite.stem.layer)
    assert not any(parametrize.is_parametrized(module) for module in fixed.modules())
    photo = pictures(1, 9, 9)
    with torch.no_grad():
        torch.testing.assert_close(fixed(photo), lite(photo, style=torch.tensor([[0.0, 1.0]])), atol=1e-5, rtol=0)
