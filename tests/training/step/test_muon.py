from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pix2style.config.train import OptimizerConfig
from pix2style.training.step.build import build_optimizer
from pix2style.training.step.muon import Muon, is_hidden, orthogonalized


def network() -> nn.Sequential:
    """A first and a last layer and two hidden ones, one of which makes more channels than it reads numbers."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(16, 24, 3), nn.Conv2d(24, 64, 1), nn.Conv2d(64, 3, 1))
    return layers.to(memory_format=torch.channels_last)


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def train_for(module: nn.Module, optimizer: torch.optim.Optimizer, steps: range, loss_factor: float = 1.0) -> None:
    for step in steps:
        optimizer.zero_grad()
        images = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(step))
        loss = module(images.to(memory_format=torch.channels_last)).square().mean()
        (loss * loss_factor).backward()
        optimizer.step()


def muon(module: nn.Module, lr: float = 1e-2) -> Muon:
    return Muon(module.parameters(), momentum=0.9, lr=lr, betas=(0.5, 0.99))


@pytest.mark.parametrize("shape", [(3, 32, 288), (2, 64, 24), (1, 16, 16)])
def test_all_singular_values_become_about_one_and_directions_stay(shape: tuple[int, int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    matrices = torch.randn(shape, generator=generator)
    matrices[:, :, 0] *= 20  # one direction is far larger than all others
    result = orthogonalized(matrices)
    assert result.shape == matrices.shape
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.6
    assert values.max() < 1.25
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    nearest = left @ right
    cosine = (result * nearest).sum((1, 2)) / (result.norm(dim=(1, 2)) * nearest.norm(dim=(1, 2)))
    assert cosine.min() > 0.97


def test_rounds_on_products_of_rows_equal_those_on_whole_matrices() -> None:
    matrices = torch.randn(2, 48, 432, generator=torch.Generator().manual_seed(2))
    whole = matrices.double() / matrices.double().norm(dim=(1, 2), keepdim=True)
    for _ in range(5):
        products = whole @ whole.mT
        whole = 3.4445 * whole + (-4.7750 * products + 2.0315 * products @ products) @ whole
    torch.testing.assert_close(orthogonalized(matrices), whole.float(), rtol=1e-3, atol=1e-5)


def test_a_matrix_alone_gets_what_it_gets_among_others_at_any_scale() -> None:
    matrices = torch.randn(3, 20, 50, generator=torch.Generator().manual_seed(3))
    together = orthogonalized(matrices)
    for i, factor in enumerate((1e-6, 1.0, 1e6)):
        torch.testing.assert_close(orthogonalized(matrices[i : i + 1] * factor)[0], together[i], rtol=1e-4, atol=1e-5)


def test_zeros_stay_zeros() -> None:
    assert torch.equal(orthogonalized(torch.zeros(1, 16, 40)), torch.zeros(1, 16, 40))


def test_only_convolutions_between_many_channels_are_hidden() -> None:
    hidden = [tuple(parameter.shape) for parameter in network().parameters() if is_hidden(parameter)]
    assert hidden == [(24, 16, 3, 3), (64, 24, 1, 1)]
    assert not is_hidden(nn.Linear(32, 32).weight)


def test_all_other_parameters_are_updated_by_adam() -> None:
    module, by_adam = network(), network()
    train_for(module, muon(module), range(1))
    train_for(by_adam, torch.optim.Adam(by_adam.parameters(), lr=1e-2, betas=(0.5, 0.99)), range(1))
    for parameter, expected in zip(module.parameters(), by_adam.parameters(), strict=True):
        same = torch.allclose(parameter, expected, rtol=1e-6, atol=1e-7)
        assert same is not is_hidden(parameter)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_updates_are_as_large_as_adams_whatever_the_gradients_size(size: float) -> None:
    module = network()
    before = weights(module)
    generator = torch.Generator().manual_seed(4)
    for parameter in module.parameters():
        parameter.grad = size * torch.randn(parameter.shape, generator=generator)
    muon(module, lr=0.01).step()
    for parameter, old in zip(module.parameters(), before, strict=True):
        if is_hidden(parameter):
            rms = float((parameter.detach() - old).square().mean().sqrt())
            assert 0.7 * 0.2 * 0.01 < rms < 1.2 * 0.2 * 0.01


def test_it_learns_a_teacher_that_adam_learns_late() -> None:
    """Hidden layers whose inputs have a few large directions: the usual case behind a ReLU."""
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Conv2d(16, 3, 1))
    losses = {}
    for name in ("adam", "muon"):
        torch.manual_seed(1)
        student = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Conv2d(16, 3, 1))
        optimizer = build_optimizer(student.parameters(), OptimizerConfig(kind=name, lr=3e-3, beta1=0.9, beta2=0.99))
        generator = torch.Generator().manual_seed(2)
        recent = []
        for _ in range(200):
            images = torch.rand(4, 3, 16, 16, generator=generator)
            loss = (student(images) - teacher(images).detach()).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recent.append(loss.item())
        losses[name] = sum(recent[-20:])
    assert losses["muon"] < losses["adam"]


def test_a_skipped_step_changes_nothing() -> None:
    module = network()
    optimizer = muon(module)
    train_for(module, optimizer, range(2))
    before, means = weights(module), [state["momentum"].clone() for state in momenta(optimizer)]
    optimizer.found_inf = torch.tensor(1.0)
    train_for(module, optimizer, range(1), loss_factor=math.nan)
    for parameter, old in zip(module.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
    for state, mean in zip(momenta(optimizer), means, strict=True):
        assert torch.equal(state["momentum"], mean)
    optimizer.found_inf = torch.tensor(0.0)
    train_for(module, optimizer, range(1))
    assert all(not torch.equal(parameter, old) for parameter, old in zip(module.parameters(), before, strict=True))


def momenta(optimizer: Muon) -> list[dict[str, Tensor]]:
    return [state for state in optimizer.state.values() if "momentum" in state]


def test_gradients_are_divided_by_the_loss_scale() -> None:
    plain, scaled = network(), network()
    train_for(plain, muon(plain), range(3))
    optimizer = muon(scaled)
    optimizer.grad_scale = torch.tensor(1024.0)
    train_for(scaled, optimizer, range(3), loss_factor=1024.0)
    for parameter, expected in zip(scaled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(parameter, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_resuming_from_a_state_dict_is_exact(layout: torch.memory_format) -> None:
    uninterrupted, resumed = network(), network()
    train_for(uninterrupted, muon(uninterrupted), range(6))
    first = muon(resumed)
    train_for(resumed, first, range(3))
    saved = first.state_dict()
    for state in saved["state"].values():
        for name, tensor in state.items():
            state[name] = tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor.clone()
    second = muon(resumed)
    second.load_state_dict(saved)
    train_for(resumed, second, range(3, 6))
    for weight, expected in zip(weights(resumed), weights(uninterrupted), strict=True):
        assert torch.equal(weight, expected)


class RequireMeta(TorchDispatchMode):
    """Fail if a tensor is on the host: the host must not wait for a GPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, kwargs, result)):
            assert not isinstance(tensor, Tensor) or tensor.device.type == "meta", f"{func} uses a tensor on the host"
        return result


def test_the_host_does_not_wait_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["torch.optim.adam"], "_device_dtype_check_for_fused", lambda *_: None)
    module = network().to("meta")
    optimizer = muon(module)
    optimizer.found_inf = torch.zeros((), device="meta")
    optimizer.grad_scale = torch.ones((), device="meta")
    for parameter in module.parameters():
        parameter.grad = torch.empty_like(parameter)
    with RequireMeta():
        optimizer.step()
