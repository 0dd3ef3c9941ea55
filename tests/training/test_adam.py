from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pix2style.training.adam import ChannelsLastAdam


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


def test_a_step_that_is_not_finite_is_left_out() -> None:
    network, _ = networks()
    optimizer, before = ChannelsLastAdam(network.parameters()), weights(network)
    optimizer.found_inf = torch.tensor(1.0)
    learn(network, optimizer, range(1))
    for one, other in zip(weights(network), before, strict=True):
        assert torch.equal(one, other)
