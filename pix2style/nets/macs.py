"""Count the operations of a network without running it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pix2style.nets.generator import Generator


def count_macs(network: nn.Module, *inputs: Tensor) -> int:
    """Count multiply-accumulates for inputs on the device "meta", where tensors have no content and cost nothing."""
    on_meta = copy.deepcopy(network).to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        on_meta(*inputs, **_style_weights(on_meta))
    macs: int = counter.get_total_flops() // 2
    return macs


def _style_weights(network: nn.Module) -> dict[str, Tensor]:
    if isinstance(network, Generator) and network.styles > 1:
        return {"style": torch.zeros(1, network.styles, device="meta")}
    return {}
