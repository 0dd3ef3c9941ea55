from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.nets.generator import Generator
from pix2style.recipes.size_search import search_size

Experiment = Callable[..., Config]
BUDGET = "distill.budget={ms_512: 5, channels: [8, 16, 24], blocks: [1, 2]}"


def simulated_latencies(generators: Sequence[Generator]) -> list[float]:
    """Latencies that do not depend on the machine: narrow, deep networks are slow for their size."""
    return [
        len(list(generator.parameters())) * 0.1 + sum(weight.numel() for weight in generator.parameters()) / 5e3
        for generator in generators
    ]


def test_the_candidate_with_the_most_macs_within_the_time_is_chosen(experiment: Experiment) -> None:
    result = search_size(experiment(BUDGET), simulated_latencies)
    macs = [candidate.macs for candidate in result.candidates]
    assert macs == sorted(macs)
    assert len(result.candidates) == 6
    within = [candidate for candidate in result.candidates if candidate.ms <= 5]
    assert 0 < len(within) < 6
    assert result.chosen == max(within, key=lambda candidate: candidate.macs)
    lite = result.config.model.lite
    assert (lite.channels, lite.blocks) == (result.chosen.channels, result.chosen.blocks)
    assert lite.scale == 2
    table = result.to_json()
    assert (table["by"], table["ms_512"], table["chosen"]["ms"]) == ("ms_512", 5, result.chosen.ms)


def test_the_random_stream_of_torch_stays_as_it_was(experiment: Experiment) -> None:
    before = torch.get_rng_state()
    search_size(experiment(BUDGET), simulated_latencies)
    assert torch.equal(before, torch.get_rng_state())


def test_a_budget_of_macs_needs_no_measurement(experiment: Experiment) -> None:
    def measure(_generators: Sequence[Generator]) -> list[float]:
        raise AssertionError("a budget of multiply-accumulates needs no measurement")

    counted = experiment("distill.budget={gmacs_512: 0.25, channels: [8, 16, 24], blocks: [1, 2]}")
    result = search_size(counted, measure)
    assert all(candidate.ms is None for candidate in result.candidates)
    within = [candidate for candidate in result.candidates if candidate.macs <= 0.25e9]
    assert 0 < len(within) < 6
    assert result.chosen == within[-1]
    assert (result.to_json()["by"], result.to_json()["gmacs_512"]) == ("gmacs_512", 0.25)
    with pytest.raises(
        ConfigError, match=r"gmacs_512\] 0.001: all 6 candidates cost more, the cheapest is 8 channels, 1 blocks: 0\.\d"
    ):
        search_size(experiment(BUDGET, "distill.budget.ms_512=null", "distill.budget.gmacs_512=0.001"), measure)


def test_time_and_macs_together_are_refused(experiment: Experiment) -> None:
    with pytest.raises(ConfigError, match="ms_512 and gmacs_512 cannot both be set"):
        experiment(BUDGET, "distill.budget.gmacs_512=1")


def test_no_candidate_within_the_budget_and_another_generator_are_errors(experiment: Experiment) -> None:
    with pytest.raises(
        ConfigError, match=r"ms_512\] 0.01: all 6 candidates cost more, the cheapest is 8 channels, 1 blocks: \d.* ms"
    ):
        search_size(experiment(BUDGET, "distill.budget.ms_512=0.01"), simulated_latencies)
    with pytest.raises(ConfigError, match=r"set ms_512 or gmacs_512, and model\.generator=lite"):
        search_size(experiment(BUDGET, "model.generator=unet"), simulated_latencies)
