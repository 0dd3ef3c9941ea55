from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pix2style.training.step.adam import ChannelsLastAdam, with_strides_of


def networks() -> list[nn.Sequential]:
    """Two equal networks in channels_last, with weights of four axes, of one axis, and of a 1x1 convolution."""
    built = []
    for _ in range(2):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 20, 3), nn.BatchNorm2d(20), nn.Conv2d(20, 7, 1), nn.Conv2d(7, 1, 2))
        built.append(network.to(memory_format=torch.channels_last))
    return built


def train_for(network: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        images = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(step))
        network(images.to(memory_format=torch.channels_last)).square().mean().backward()
        optimizer.step()


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def test_it_updates_weights_as_torchs_adam_does() -> None:
    ours, torchs = networks()
    train_for(ours, ChannelsLastAdam(ours.parameters(), lr=1e-2, betas=(0.5, 0.99)), range(5))
    train_for(torchs, torch.optim.Adam(torchs.parameters(), lr=1e-2, betas=(0.5, 0.99), fused=True), range(5))
    for weight, expected in zip(weights(ours), weights(torchs), strict=True):
        torch.testing.assert_close(weight, expected, rtol=1e-6, atol=1e-7)


def test_it_does_not_copy_weights() -> None:
    weight = nn.Parameter(torch.randn(16, 16, 4, 4).to(memory_format=torch.channels_last))
    weight.grad = torch.randn_like(weight)
    copies = {}
    for kind in (ChannelsLastAdam, torch.optim.Adam):
        optimizer = kind([weight], fused=True) if kind is torch.optim.Adam else kind([weight])
        optimizer.step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profile:
            optimizer.step()
        shapes = [event.input_shapes for event in profile.events() if event.name == "aten::copy_"]
        copies[kind] = sum(len(shape[0]) == 4 for shape in shapes if shape)
        assert optimizer.state[weight]["exp_avg"].shape == weight.shape
    assert copies[ChannelsLastAdam] == 0
    assert copies[torch.optim.Adam] > 0  # when torch no longer copies, this class can go


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_resuming_from_a_state_dict_is_exact(layout: torch.memory_format) -> None:
    uninterrupted, resumed = networks()
    train_for(uninterrupted, ChannelsLastAdam(uninterrupted.parameters(), lr=1e-2), range(6))
    first = ChannelsLastAdam(resumed.parameters(), lr=1e-2)
    train_for(resumed, first, range(3))
    saved = first.state_dict()
    for state in saved["state"].values():
        for name, tensor in state.items():
            state[name] = tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor.clone()
    second = ChannelsLastAdam(resumed.parameters(), lr=1e-2)
    second.load_state_dict(saved)
    train_for(resumed, second, range(3, 6))
    for weight, expected in zip(weights(resumed), weights(uninterrupted), strict=True):
        assert torch.equal(weight, expected)


class RequireEqualStrides(TorchDispatchMode):
    """Check that each weight, its gradient and its moments have the same strides, as fused Adam requires on a GPU."""

    checked_weights = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.name().startswith("aten::_fused_adam_"):
            for tensors in zip(*args[:4], strict=True):
                assert len({tensor.stride() for tensor in tensors}) == 1, [tensor.stride() for tensor in tensors]
                self.checked_weights += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", [ChannelsLastAdam, torch.optim.Adam])
def test_gradients_and_moments_get_the_strides_of_the_weight(
    kind: type[torch.optim.Adam], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They differ for a compiled 1x1 convolution (pytorch #126585) and for moments saved in another memory layout."""
    monkeypatch.setattr(sys.modules["torch.optim.adam"], "_device_dtype_check_for_fused", lambda *_: None)
    shapes = [(8, 4, 1, 1), (1, 8, 3, 3), (8, 8, 3, 3), (8,)]
    parameters = [nn.Parameter(torch.empty(shape, device="meta")) for shape in shapes]
    for parameter in parameters[:3]:
        parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    optimizer = kind(parameters, fused=True) if kind is torch.optim.Adam else kind(parameters)
    for parameter in parameters:
        parameter.grad = torch.empty_like(parameter)
    optimizer.step()
    saved = optimizer.state_dict()
    for state in saved["state"].values():
        state.update({name: tensor.contiguous() for name, tensor in state.items()})
    optimizer.load_state_dict(saved)
    parameters[0].grad = torch.empty_strided((8, 4, 1, 1), (4, 1, 4, 4), device="meta")
    parameters[0].data = torch.empty_strided((8, 4, 1, 1), (4, 1, 1, 1), device="meta")
    check = RequireEqualStrides()
    if kind is torch.optim.Adam:
        with check, pytest.raises(AssertionError):  # when torch does it itself, `with_strides_of` can go
            optimizer.step()
        return
    with check:
        optimizer.step()
    assert check.checked_weights == len(shapes)


def test_other_strides_are_replaced_by_a_view_or_a_copy() -> None:
    weight = torch.empty(6, 4, 1, 1).contiguous(memory_format=torch.channels_last)
    odd = torch.randn(24).as_strided((6, 4, 1, 1), (4, 1, 9, 9))
    viewed = with_strides_of(odd, weight)
    assert viewed.data_ptr() == odd.data_ptr()
    weight = torch.empty(6, 4, 2, 2).contiguous(memory_format=torch.channels_last)
    plain = torch.randn(6, 4, 2, 2)
    copied = with_strides_of(plain, weight)
    assert copied.stride() == weight.stride()
    assert torch.equal(viewed, odd)
    assert torch.equal(copied, plain)
    assert with_strides_of(copied, weight) is copied


def test_found_inf_skips_the_step() -> None:
    network, _ = networks()
    optimizer, before = ChannelsLastAdam(network.parameters()), weights(network)
    optimizer.found_inf = torch.tensor(1.0)
    train_for(network, optimizer, range(1))
    for weight, expected in zip(weights(network), before, strict=True):
        assert torch.equal(weight, expected)
