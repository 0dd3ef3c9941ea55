"""The discriminator: its patch, its size, its normalisations."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from pix2style.nets.patchgan import PatchGan


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
    logits = patch(photo, picture)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    for seen in (photo.grad, picture.grad):
        assert seen is not None
        rows = seen.abs().sum(dim=(0, 1, 3)).nonzero()
        columns = seen.abs().sum(dim=(0, 1, 2)).nonzero()
        assert rows.max() - rows.min() + 1 == patch.receptive_field_px
        assert columns.max() - columns.min() + 1 == patch.receptive_field_px


def test_logits_of_256_px() -> None:
    photo = torch.zeros(2, 3, 256, 256)
    assert PatchGan(4)(photo, photo).shape == (2, 1, 30, 30)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_smallest_picture(layers: int, norm: str) -> None:
    patch = PatchGan(4, layers, norm=norm)
    side = patch.smallest_px
    assert patch(torch.rand(1, 3, side, side), torch.rand(1, 3, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match=f"at least {side} px"):
        patch(torch.rand(1, 3, side, side - 1), torch.rand(1, 3, side, side - 1))


@pytest.mark.parametrize(("norm", "kind"), [("batch", nn.BatchNorm2d), ("instance", nn.InstanceNorm2d)])
def test_normalises_all_but_the_ends(norm: str, kind: type[nn.Module]) -> None:
    names = [type(module).__name__ for module in PatchGan(4, 3, norm=norm).body]
    ends, middle = ["Conv2d", "LeakyReLU"], ["Conv2d", kind.__name__, "LeakyReLU"]
    assert names == [*ends, *middle * 3, "Conv2d"]


def test_instance_norm_judges_a_picture_the_same_in_any_batch() -> None:
    patch = PatchGan(4, 2).train()
    photos, pictures = torch.rand(3, 3, 32, 32), torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(patch(photos, pictures)[1:2], patch(photos[1:2], pictures[1:2]), atol=1e-6, rtol=1e-5)


def test_judges_both_photo_and_picture() -> None:
    patch = PatchGan(8, 2, norm="none")
    photo, picture = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    assert not torch.equal(patch(photo, picture), patch(picture, photo))


def test_spectral_norm_limits_every_layer() -> None:
    patch = PatchGan(8, 2, norm="none", spectral_norm=True).train()
    photo = torch.rand(1, 3, 32, 32)
    for _ in range(50):  # each call in training mode is one step of the power iteration
        patch(photo, photo)
    for conv in (module for module in patch.body if isinstance(module, nn.Conv2d)):
        assert parametrize.is_parametrized(conv)
        largest = torch.linalg.matrix_norm(conv.weight.flatten(1), ord=2).detach()
        assert float(largest) == pytest.approx(1, abs=0.02)


def test_unknown_norm() -> None:
    with pytest.raises(ValueError, match="batch, instance or none, got 'layer'"):
        PatchGan(norm="layer")
