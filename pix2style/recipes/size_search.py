"""The largest small generator within a budget: width and depth by measured time, or by multiplications."""

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
        ms: that its filter took at 512x512; None: multiplications decide, and nothing was measured.
    """

    channels: int
    blocks: int
    parameters: int
    macs: int
    ms: float | None

    @property
    def cost(self) -> float:
        """In the budget's unit: milliseconds where they were measured, else 1e9 multiplications."""
        return self.macs / 1e9 if self.ms is None else self.ms

    def __str__(self) -> str:
        """For people."""
        took = "" if self.ms is None else f"{self.ms:.2f} ms, "
        return (
            f"{self.channels} channels, {self.blocks} blocks: {took}{self.macs / 1e9:.2f} GMAC at {SIDE_PX}x{SIDE_PX}"
        )


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
        """Plain values, for `budget.json` in the run folder; `by` is the key that decided."""
        key, limit = self.config.distill.budget.limit or ("", 0.0)
        return {
            "by": key,
            key: limit,
            "chosen": asdict(self.chosen),
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }


def fit_budget(config: Config, measure: Measure) -> Fit:
    """Try every width with every depth of `distill.budget`, with fresh weights, which are as fast as trained ones.

    Args:
        config: with a `distill.budget`, and a lite.
        measure: gives the milliseconds of each generator's filter at 512x512, as it ships, all measured in turns; asked
            only if the budget is one of milliseconds.

    Raises:
        ConfigError: the generator is no lite, or none is within the budget; says what the smallest takes.
    """
    budget = config.distill.budget
    if budget.limit is None or config.model.generator != "lite":
        raise ConfigError(
            "[distill -> budget] chooses the size of a lite: set ms_512 or gmacs_512, and model.generator=lite"
        )
    key, limit = budget.limit
    shapes = list(itertools.product(budget.channels, budget.blocks))
    experiments = [apply_overrides(config, [f"model.lite.channels={c}", f"model.lite.blocks={b}"]) for c, b in shapes]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        networks = [build_generator(experiment.model).folded() for experiment in experiments]
    times = measure(networks) if key == "ms_512" else [None] * len(networks)
    found = [
        Candidate(channels, blocks, sum(weight.numel() for weight in network.parameters()), _macs(network), ms)
        for (channels, blocks), network, ms in zip(shapes, networks, times, strict=True)
    ]
    within = [candidate for candidate in found if candidate.cost <= limit]
    if not within:
        raise ConfigError(
            f"[distill -> budget -> {key}] {limit:g}: the least of {len(found)} takes more"
            f" ({min(found, key=lambda candidate: candidate.cost)}): allow more, or add smaller budget.channels"
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
