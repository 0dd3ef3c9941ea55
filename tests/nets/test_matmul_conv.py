"""Matrix products instead of strided convolutions: the same numbers, and only where they are meant for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pix2style.nets import matmul_conv
from pix2style.nets.matmul_conv import MatmulConv2d, MatmulConvTranspose2d
from pix2style.nets.unet_2017 import Unet2017

_LAST = torch.channels_last


def learned(module: nn.Module, pictures: Tensor, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, str]:
    """Output, both gradients, and who made the output."""
    given = pictures.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    output = module(given)
    output.backward(torch.randn(output.shape, generator=torch.Generator().manual_seed(seed)))
    weight = module.weight
    assert isinstance(weight, nn.Parameter)
    assert given.grad is not None
    assert weight.grad is not None
    return output.detach(), given.grad, weight.grad, output.grad_fn.name() if output.grad_fn else ""


@pytest.mark.parametrize("kind", [MatmulConv2d, MatmulConvTranspose2d])
@pytest.mark.parametrize(("batch", "height", "width"), [(1, 2, 2), (2, 4, 6), (3, 10, 2)])
def test_a_product_equals_the_convolution(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[MatmulConv2d | MatmulConvTranspose2d],
    batch: int,
    height: int,
    width: int,
) -> None:
    monkeypatch.setattr(matmul_conv, "_MIN_WEIGHTS", 0)
    torch.manual_seed(0)
    module = kind(5, 7).to(memory_format=torch.channels_last)
    plain = (nn.Conv2d if kind is MatmulConv2d else nn.ConvTranspose2d)(5, 7, 4, stride=2, padding=1, bias=False)
    plain.load_state_dict(module.state_dict())
    pictures = torch.randn(batch, 5, height, width).to(memory_format=torch.channels_last)
    *found, made_by = learned(module, pictures)
    *wanted, _ = learned(plain, pictures)
    assert made_by in ("_MatmulConvBackward", "_MatmulConvTransposeBackward")
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert module.weight.grad is not None
    assert module.weight.grad.is_contiguous(memory_format=torch.channels_last)


def test_it_is_left_to_torch_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    last = torch.channels_last
    big, pictures = MatmulConv2d(512, 256).to(memory_format=last), torch.randn(1, 512, 2, 2).to(memory_format=last)
    assert big(pictures).grad_fn.name() == "_MatmulConvBackward"
    small = MatmulConv2d(8, 8).to(memory_format=last)
    others = {
        "few weights": small(torch.randn(1, 8, 2, 2)),
        "other layout": MatmulConv2d(512, 256)(pictures),
        "odd sizes": big(torch.randn(1, 512, 3, 3).to(memory_format=last)),
        "bias": MatmulConvTranspose2d(512, 256, bias=True).to(memory_format=last)(pictures),
    }
    with torch.autocast("cpu", torch.float16):
        others["half precision"] = big(pictures)
    monkeypatch.setattr(matmul_conv, "_MAX_WINDOWS", {})
    others["many windows"] = big(pictures)
    assert {why: out.grad_fn.name() for why, out in others.items()} == dict.fromkeys(others, "ConvolutionBackward0")
    with torch.no_grad():
        torch.testing.assert_close(big(pictures), others["many windows"].detach())


@pytest.mark.parametrize("kind", [MatmulConv2d, MatmulConvTranspose2d])
@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16])
def test_under_autocast_a_product_equals_the_convolution_as_far_as_bf16_goes(
    monkeypatch: pytest.MonkeyPatch, kind: type[MatmulConv2d | MatmulConvTranspose2d], given: torch.dtype
) -> None:
    monkeypatch.setattr(matmul_conv, "_MIN_WEIGHTS", 0)
    torch.manual_seed(0)
    module = kind(24, 16).to(memory_format=torch.channels_last)
    plain = (nn.Conv2d if kind is MatmulConv2d else nn.ConvTranspose2d)(24, 16, 4, stride=2, padding=1, bias=False)
    plain.load_state_dict(module.state_dict())
    pictures = torch.randn(2, 24, 6, 4).to(given).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        *found, made_by = learned(module, pictures)
    *wanted, _ = learned(plain, pictures.float())
    assert made_by in ("_MatmulConvBackward", "_MatmulConvTransposeBackward")
    assert [one.dtype for one in found] == [torch.bfloat16, given, torch.float32]
    for one, other in zip(found, wanted, strict=True):
        assert float((one.float() - other).norm() / other.norm()) < 0.01  # bf16 has steps of 0.4 to 0.8 %
    assert module.weight.grad is not None
    assert module.weight.grad.is_contiguous(memory_format=torch.channels_last)


def test_the_baseline_learns_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Depths of the real network: fewer weights are allowed, so that all but the outermost layers take part."""
    torch.manual_seed(0)
    networks = [Unet2017(channels=8, downsamplings=5, dropout=False).to(memory_format=torch.channels_last)]
    networks.append(Unet2017(channels=8, downsamplings=5, dropout=False))
    networks[1].load_state_dict(networks[0].state_dict())
    pictures = torch.randn(2, 3, 64, 64).to(memory_format=torch.channels_last)
    monkeypatch.setattr(matmul_conv, "_MIN_WEIGHTS", 0)
    gradients = []
    for network in networks:
        network(pictures).abs().mean().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_baseline_learns_by_products_as_by_convolutions(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    """Whole steps: the loss goes down in bf16 as it does by torch's convolutions in float32."""
    monkeypatch.setattr(matmul_conv, "_MIN_WEIGHTS", 0)
    plain, fast = _losses(torch.contiguous_format, torch.float32), _losses(_LAST, dtype)
    assert plain[-1] < 0.5 * plain[0]
    assert fast[0] == pytest.approx(plain[0], rel=1e-4 if dtype == torch.float32 else 0.02)
    assert fast[-1] == pytest.approx(plain[-1], rel=0.1)  # Adam's first steps follow signs, and so does rounding


def _losses(layout: torch.memory_format, dtype: torch.dtype) -> list[float]:
    torch.manual_seed(0)
    network = Unet2017(channels=8, downsamplings=5, dropout=False).to(memory_format=layout)
    photo = nn.functional.interpolate(torch.rand(2, 3, 8, 8) * 2 - 1, size=64).to(memory_format=layout)
    target = -0.8 * photo
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.5, 0.999))
    losses = []
    for _ in range(30):
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            loss = (network(photo).float() - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses
