"""Choose the width and depth of the lightweight generator within a budget of time or of multiply-accumulates."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from pix2style.config import Config, apply_overrides
from pix2style.errors import ConfigError
from pix2style.nets.generator import Generator
from pix2style.nets.macs import count_macs
from pix2style.runs.networks import build_generator

SIDE_PX = 512
# Milliseconds of each generator's filter at 512x512.
MeasureLatencies = Callable[[Sequence[Generator]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A size of the generator that was considered.

    Attributes:
        channels: Value of `model.lite.channels`.
        blocks: Value of `model.lite.blocks`.
        parameters: Number of weights in the filter file.
        macs: Multiply-accumulates for a 512x512 photo.
        ms: Measured milliseconds of the int8 filter for a 512x512 photo; None if the budget is one of
            multiply-accumulates.
    """

    channels: int
    blocks: int
    parameters: int
    macs: int
    ms: float | None

    @property
    def cost(self) -> float:
        """Cost in the unit of the budget: milliseconds if they were measured, else 1e9 multiply-accumulates."""
        return self.macs / 1e9 if self.ms is None else self.ms

    def __str__(self) -> str:
        """Return size and cost in words."""
        latency = "" if self.ms is None else f"{self.ms:.2f} ms, "
        gmacs = f"{self.macs / 1e9:.2f} GMAC at {SIDE_PX}x{SIDE_PX}"
        return f"{self.channels} channels, {self.blocks} blocks: {latency}{gmacs}"


@dataclass(frozen=True, slots=True)
class SizeSearchResult:
    """Result of a size search.

    Attributes:
        config: The experiment with the chosen width and depth.
        candidates: All candidates, sorted by multiply-accumulates.
        chosen: The candidate with the most multiply-accumulates within the budget.
    """

    config: Config
    candidates: tuple[Candidate, ...]
    chosen: Candidate

    def to_json(self) -> dict[str, Any]:
        """Return the content of `budget.json` in the run folder; `by` is the configuration key of the budget."""
        key, limit = self.config.distill.budget.limit or ("", 0.0)
        return {
            "by": key,
            key: limit,
            "chosen": asdict(self.chosen),
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }


def search_size(config: Config, measure: MeasureLatencies) -> SizeSearchResult:
    """Try every width with every depth of `distill.budget`, and choose the largest within the budget.

    Candidates have fresh weights, which take as long as trained ones. The random stream of torch stays as it was.

    Args:
        config: An experiment with a `distill.budget` and `model.generator: lite`.
        measure: Returns the milliseconds of each generator's filter at 512x512; called only for a budget in
            milliseconds.

    Raises:
        ConfigError: There is no budget, the generator is not the lightweight one, or no candidate is within the budget.
    """
    budget = config.distill.budget
    if budget.limit is None or config.model.generator != "lite":
        raise ConfigError(
            "[distill -> budget] chooses the size of the lightweight generator: set ms_512 or gmacs_512, and"
            " model.generator=lite"
        )
    key, limit = budget.limit
    sizes = list(itertools.product(budget.channels, budget.blocks))
    experiments = [apply_overrides(config, [f"model.lite.channels={c}", f"model.lite.blocks={b}"]) for c, b in sizes]
    candidates = _candidates(experiments, measure if key == "ms_512" else None)
    within_budget = [candidate for candidate in candidates if candidate.cost <= limit]
    if not within_budget:
        cheapest = min(candidates, key=lambda candidate: candidate.cost)
        raise ConfigError(
            f"[distill -> budget -> {key}] {limit:g}: all {len(candidates)} candidates cost more, the cheapest is"
            f" {cheapest}: raise {key}, or add smaller numbers to budget.channels"
        )
    chosen = max(within_budget, key=lambda candidate: candidate.macs)
    fitted = experiments[sizes.index((chosen.channels, chosen.blocks))]
    return SizeSearchResult(fitted, tuple(sorted(candidates, key=lambda candidate: candidate.macs)), chosen)


def _candidates(experiments: Sequence[Config], measure: MeasureLatencies | None) -> list[Candidate]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiments[0].seed)
        networks = [build_generator(experiment.model).folded() for experiment in experiments]
    latencies = [None] * len(networks) if measure is None else measure(networks)
    return [
        Candidate(
            experiment.model.lite.channels,
            experiment.model.lite.blocks,
            sum(weight.numel() for weight in network.parameters()),
            count_macs(network, torch.zeros(1, 3, SIDE_PX, SIDE_PX, device="meta")),
            milliseconds,
        )
        for experiment, network, milliseconds in zip(experiments, networks, latencies, strict=True)
    ]
