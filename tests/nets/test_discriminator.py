"""The discriminators: their patch, their size, their normalisations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from pix2style.nets.discriminator import Discriminator, MultiScalePatchGan, PatchGan, PixelGan


def test_published_size_and_patch() -> None:
    published = PatchGan(norm="batch")
    assert sum(weight.numel() for weight in published.parameters()) == 2_768_705
    assert published.receptive_field_px == 70
    assert [PatchGan(4, layers).receptive_field_px for layers in (1, 2, 4, 5)] == [16, 34, 142, 286]


@pytest.mark.parametrize("layers", [1, 3])
def test_one_logit_sees_exactly_its_patch(layers: int) -> None:
    patch = PatchGan(4, layers, norm="none").double()
    side = 4 * patch.receptive_field_px // 8 * 8
    photo = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    picture = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    logits = patch(photo, picture)[0][-1]
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    for seen in (photo.grad, picture.grad):
        assert seen is not None
        rows = seen.abs().sum(dim=(0, 1, 3)).nonzero()
        columns = seen.abs().sum(dim=(0, 1, 2)).nonzero()
        assert rows.max() - rows.min() + 1 == patch.receptive_field_px
        assert columns.max() - columns.min() + 1 == patch.receptive_field_px


def test_logits_of_256_px() -> None:
    photo = torch.zeros(2, 3, 256, 256)
    [activations] = PatchGan(4)(photo, photo)
    assert [tuple(one.shape[1:]) for one in activations] == [
        (4, 128, 128),
        (8, 64, 64),
        (16, 32, 32),
        (32, 31, 31),
        (1, 30, 30),
    ]


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_smallest_picture(layers: int, norm: str) -> None:
    patch = PatchGan(4, layers, norm=norm)
    side = patch.smallest_px
    assert patch(torch.rand(1, 3, side, side), torch.rand(1, 3, side, side))[0][-1].shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match=f"at least {side} px"):
        patch(torch.rand(1, 3, side, side - 1), torch.rand(1, 3, side, side - 1))


@pytest.mark.parametrize(("norm", "kind"), [("batch", nn.BatchNorm2d), ("instance", nn.InstanceNorm2d)])
def test_normalises_all_but_the_ends(norm: str, kind: type[nn.Module]) -> None:
    names = [[type(module).__name__ for module in block] for block in PatchGan(4, 3, norm=norm).blocks]
    assert names == [["Conv2d", "LeakyReLU"], *[["Conv2d", kind.__name__, "LeakyReLU"]] * 3, ["Conv2d"]]


def test_instance_norm_judges_a_picture_the_same_in_any_batch() -> None:
    patch = PatchGan(4, 2).train()
    photos, pictures = torch.rand(3, 3, 32, 32), torch.rand(3, 3, 32, 32)
    [together], [alone] = patch(photos, pictures), patch(photos[1:2], pictures[1:2])
    torch.testing.assert_close(together[-1][1:2], alone[-1], atol=1e-6, rtol=1e-5)


KINDS: dict[str, Callable[..., Discriminator]] = {
    "patch": lambda **settings: PatchGan(8, 2, **settings),
    "multiscale": lambda **settings: MultiScalePatchGan(2, 8, 1, **settings),
    "pixel": lambda **settings: PixelGan(8, **settings),
}


@pytest.mark.parametrize("kind", KINDS)
def test_judges_both_photo_and_picture(kind: str) -> None:
    discriminator = KINDS[kind](norm="none")
    photo, picture = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    one, other = discriminator(photo, picture), discriminator(picture, photo)
    assert not any(torch.equal(a[-1], b[-1]) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_spectral_norm_limits_every_layer(kind: str) -> None:
    discriminator = KINDS[kind](norm="none", spectral_norm=True).train()
    photo = torch.rand(1, 3, 32, 32)
    for _ in range(50):  # each call in training mode is one step of the power iteration
        discriminator(photo, photo)
    convs = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert len(convs) == {"patch": 4, "multiscale": 6, "pixel": 3}[kind]
    for conv in convs:
        assert parametrize.is_parametrized(conv)
        largest = torch.linalg.matrix_norm(conv.weight.flatten(1), ord=2).detach()
        assert float(largest) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_no_spectral_norm_unless_asked_for(kind: str) -> None:
    assert not any(parametrize.is_parametrized(module) for module in KINDS[kind]().modules())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_weight(kind: str) -> None:
    discriminator = KINDS[kind]()
    judged = discriminator(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    sum(scale[-1].square().mean() for scale in judged).backward()
    assert [name for name, weight in discriminator.named_parameters() if not weight.grad.any()] == []


def test_scales_are_patchgans_on_halved_pictures() -> None:
    multi = MultiScalePatchGan(2, 4, 1)
    photo, picture = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    fine, coarse = multi(photo, picture)
    [expected] = multi.scales[0](photo, picture)
    assert all(torch.equal(a, b) for a, b in zip(fine, expected, strict=True))
    assert len(coarse) == len(fine)
    assert coarse[0].shape[-1] * 2 == fine[0].shape[-1]
    flat = torch.full((1, 3, 32, 32), 0.25)  # halving keeps a flat picture, at its border too
    [alone] = multi.scales[1](flat[..., :16, :16], flat[..., :16, :16])
    torch.testing.assert_close(multi(flat, flat)[1][-1], alone[-1])


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_smallest_picture_of_several_scales(scales: int) -> None:
    multi = MultiScalePatchGan(scales, 4, 2)
    side = multi.smallest_px
    judged = multi(torch.rand(1, 3, side, side), torch.rand(1, 3, side, side))
    assert judged[-1][-1].shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match=f"at least {side} px"):
        multi(torch.rand(1, 3, side - 1, side), torch.rand(1, 3, side - 1, side))


def test_receptive_field_of_the_coarsest_scale() -> None:
    multi = MultiScalePatchGan(2, 4, 1, norm="none").double()
    side = 4 * multi.receptive_field_px // 8 * 8
    picture = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    logits = multi(picture.detach(), picture)[1][-1]
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    assert picture.grad is not None
    rows = picture.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == multi.receptive_field_px


def test_pixel_judges_every_pixel_alone() -> None:
    pixel = PixelGan(8, norm="none")
    assert pixel.receptive_field_px == 1
    photo, picture = torch.rand(1, 3, 8, 9), torch.rand(1, 3, 8, 9)
    changed = picture.clone()
    changed[0, :, 3, 4] = 0
    difference = pixel(photo, changed)[0][-1] - pixel(photo, picture)[0][-1]
    assert difference.nonzero().tolist() == [[0, 0, 3, 4]]


def test_refuses_what_it_is_not() -> None:
    with pytest.raises(ValueError, match="batch, instance or none, got 'layer'"):
        PatchGan(norm="layer")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        MultiScalePatchGan(0)
