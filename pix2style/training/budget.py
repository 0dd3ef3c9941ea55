"""The largest small generator that is fast enough: width and depth by measured time, not by multiplications."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from pix2style.config import Config, apply_overrides
from pix2style.errors import ConfigError
from pix2style.nets.generator import Generator
from pix2style.runs.networks import build_generator

SIDE_PX = 512
Measure = Callable[[Sequence[Generator]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A generator that was considered.

    Attributes:
        channels, blocks: of `model.lite`.
        parameters: weights of its filter file.
        macs: multiplications with addition at 512x512.
        ms: that its filter took at 512x512.
    """

    channels: int
    blocks: int
    parameters: int
    macs: int
    ms: float


@dataclass(frozen=True, slots=True)
class Fit:
    """What a budget came to.

    Attributes:
        config: the experiment with the width and depth that were chosen.
        candidates: all of them, by their multiplications.
        chosen: the one with the most multiplications of those within the budget.
    """

    config: Config
    candidates: tuple[Candidate, ...]
    chosen: Candidate

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `budget.json` in the run folder."""
        return {
            "ms_512": self.config.distill.budget.ms_512,
            "chosen": asdict(self.chosen),
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }


def fit_budget(config: Config, measure: Measure) -> Fit:
    """Try every width with every depth of `distill.budget`, with fresh weights, which are as fast as trained ones.

    Args:
        config: with `distill.budget.ms_512`, and a lite.
        measure: gives the milliseconds of each generator's filter at 512x512, as it ships, all measured in turns.

    Raises:
        ConfigError: the generator is no lite, or none is fast enough; says how fast the fastest is.
    """
    budget = config.distill.budget
    if budget.ms_512 is None or config.model.generator != "lite":
        raise ConfigError("[distill -> budget] chooses the size of a lite: set ms_512, and model.generator=lite")
    shapes = list(itertools.product(budget.channels, budget.blocks))
    experiments = [apply_overrides(config, [f"model.lite.channels={c}", f"model.lite.blocks={b}"]) for c, b in shapes]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        networks = [build_generator(experiment.model).folded() for experiment in experiments]
    found = [
        Candidate(channels, blocks, sum(weight.numel() for weight in network.parameters()), _macs(network), ms)
        for (channels, blocks), network, ms in zip(shapes, networks, measure(networks), strict=True)
    ]
    within = [candidate for candidate in found if candidate.ms <= budget.ms_512]
    if not within:
        fastest = min(found, key=lambda candidate: candidate.ms)
        raise ConfigError(
            f"[distill -> budget -> ms_512] {budget.ms_512:g}: the fastest of {len(found)} ({fastest.channels}"
            f" channels, {fastest.blocks} blocks) takes {fastest.ms:.2f} ms here: allow more, or add smaller"
            " budget.channels"
        )
    chosen = max(within, key=lambda candidate: candidate.macs)
    fitted = experiments[shapes.index((chosen.channels, chosen.blocks))]
    return Fit(fitted, tuple(sorted(found, key=lambda candidate: candidate.macs)), chosen)


def _macs(network: Generator) -> int:
    """Counted on tensors without content: no memory, no time."""
    twin = copy.deepcopy(network).to("meta")
    given = {"style": torch.zeros(1, twin.styles, device="meta")} if twin.styles > 1 else {}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        twin(torch.zeros(1, 3, SIDE_PX, SIDE_PX, device="meta"), **given)
    macs: int = counter.get_total_flops() // 2
    return macs
