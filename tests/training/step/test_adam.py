from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pix2style.training.step.adam import ChannelsLastAdam, with_strides_of


def networks() -> list[nn.Sequential]:
    """Twice the same in channels_last: weights of four axes, of one, and of a 1x1 kernel."""
    built = []
    for _ in range(2):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 20, 3), nn.BatchNorm2d(20), nn.Conv2d(20, 7, 1), nn.Conv2d(7, 1, 2))
        built.append(network.to(memory_format=torch.channels_last))
    return built


def learn(network: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        pictures = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(step))
        network(pictures.to(memory_format=torch.channels_last)).square().mean().backward()
        optimizer.step()


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def test_it_steps_as_torchs_adam_does() -> None:
    mine, plain = networks()
    learn(mine, ChannelsLastAdam(mine.parameters(), lr=1e-2, betas=(0.5, 0.99)), range(5))
    learn(plain, torch.optim.Adam(plain.parameters(), lr=1e-2, betas=(0.5, 0.99), fused=True), range(5))
    for one, other in zip(weights(mine), weights(plain), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_it_copies_no_weights() -> None:
    weight = nn.Parameter(torch.randn(16, 16, 4, 4).to(memory_format=torch.channels_last))
    weight.grad = torch.randn_like(weight)
    copied = {}
    for kind in (ChannelsLastAdam, torch.optim.Adam):
        optimizer = kind([weight], fused=True) if kind is torch.optim.Adam else kind([weight])
        optimizer.step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as seen:
            optimizer.step()
        shapes = [event.input_shapes for event in seen.events() if event.name == "aten::copy_"]
        copied[kind] = sum(len(shape[0]) == 4 for shape in shapes if shape)
        assert optimizer.state[weight]["exp_avg"].shape == weight.shape
    assert copied[ChannelsLastAdam] == 0
    assert copied[torch.optim.Adam] > 0  # if torch no longer copies, this class is no longer needed


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_going_on_from_a_file_is_exact(layout: torch.memory_format) -> None:
    whole, halves = networks()
    learn(whole, ChannelsLastAdam(whole.parameters(), lr=1e-2), range(6))
    first = ChannelsLastAdam(halves.parameters(), lr=1e-2)
    learn(halves, first, range(3))
    saved = first.state_dict()
    for state in saved["state"].values():
        for name, tensor in state.items():
            state[name] = tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor.clone()
    second = ChannelsLastAdam(halves.parameters(), lr=1e-2)
    second.load_state_dict(saved)
    learn(halves, second, range(3, 6))
    for one, other in zip(weights(whole), weights(halves), strict=True):
        assert torch.equal(one, other)


class SameStrides(TorchDispatchMode):
    """What a GPU's fused Adam asks of each weight, its gradient and moments; counts the weights."""

    seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.name().startswith("aten::_fused_adam_"):
            for together in zip(*args[:4], strict=True):
                assert len({tensor.stride() for tensor in together}) == 1, [tensor.stride() for tensor in together]
                self.seen += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", [ChannelsLastAdam, torch.optim.Adam])
def test_weights_gradients_and_moments_lie_alike(kind: type[torch.optim.Adam], monkeypatch: pytest.MonkeyPatch) -> None:
    """pytorch #126585: not so for a compiled 1x1 kernel; nor for moments that a run in another layout wrote."""
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
    watch = SameStrides()
    if kind is torch.optim.Adam:
        with watch, pytest.raises(AssertionError):  # if torch sees to it, `with_strides_of` is no longer needed
            optimizer.step()
        return
    with watch:
        optimizer.step()
    assert watch.seen == len(shapes)


def test_what_lies_otherwise_is_seen_or_copied_as_the_weight_lies() -> None:
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


def test_a_step_that_is_not_finite_is_left_out() -> None:
    network, _ = networks()
    optimizer, before = ChannelsLastAdam(network.parameters()), weights(network)
    optimizer.found_inf = torch.tensor(1.0)
    learn(network, optimizer, range(1))
    for one, other in zip(weights(network), before, strict=True):
        assert torch.equal(one, other)
