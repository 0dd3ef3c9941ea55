from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.nets.generator import Generator
from pix2style.recipes.size_search import fit_budget

Experiment = Callable[..., Config]
BUDGET = "distill.budget={ms_512: 5, channels: [8, 16, 24], blocks: [1, 2]}"


def microseconds_a_weight(generators: Sequence[Generator]) -> list[float]:
    """A clock that is the same everywhere: one that is slower for narrow, deep networks."""
    return [
        len(list(one.parameters())) * 0.1 + sum(weight.numel() for weight in one.parameters()) / 5e3
        for one in generators
    ]


def test_the_most_multiplications_within_the_time(experiment: Experiment) -> None:
    fit = fit_budget(experiment(BUDGET), microseconds_a_weight)
    assert [one.macs for one in fit.candidates] == sorted(one.macs for one in fit.candidates)
    assert len(fit.candidates) == 6
    within = [one for one in fit.candidates if one.ms <= 5]
    assert 0 < len(within) < 6
    assert fit.chosen == max(within, key=lambda one: one.macs)
    assert (fit.config.model.lite.channels, fit.config.model.lite.blocks) == (fit.chosen.channels, fit.chosen.blocks)
    assert fit.config.model.lite.scale == 2
    table = fit.to_json()
    assert (table["by"], table["ms_512"], table["chosen"]["ms"]) == ("ms_512", 5, fit.chosen.ms)


def test_nothing_is_drawn_from_the_run_s_random_stream(experiment: Experiment) -> None:
    before = torch.get_rng_state()
    fit_budget(experiment(BUDGET), microseconds_a_weight)
    assert torch.equal(before, torch.get_rng_state())


def test_multiplications_decide_without_a_measurement(experiment: Experiment) -> None:
    def measure(_generators: Sequence[Generator]) -> list[float]:
        raise AssertionError("nothing is to be measured")

    counted = experiment("distill.budget={gmacs_512: 0.25, channels: [8, 16, 24], blocks: [1, 2]}")
    fit = fit_budget(counted, measure)
    assert all(one.ms is None for one in fit.candidates)
    within = [one for one in fit.candidates if one.macs <= 0.25e9]
    assert 0 < len(within) < 6
    assert fit.chosen == within[-1]
    assert (fit.to_json()["by"], fit.to_json()["gmacs_512"]) == ("gmacs_512", 0.25)
    with pytest.raises(
        ConfigError, match=r"gmacs_512\] 0.001: the least of 6 takes more \(8 channels, 1 blocks: 0\.\d"
    ):
        fit_budget(experiment(BUDGET, "distill.budget.ms_512=null", "distill.budget.gmacs_512=0.001"), measure)


def test_time_and_multiplications_together_are_refused(experiment: Experiment) -> None:
    with pytest.raises(ConfigError, match="ms_512 and gmacs_512 cannot both be set"):
        experiment(BUDGET, "distill.budget.gmacs_512=1")


def test_none_fast_enough_and_no_lite(experiment: Experiment) -> None:
    with pytest.raises(ConfigError, match=r"ms_512\] 0.01: the least of 6 takes more \(8 channels, 1 blocks: \d.* ms"):
        fit_budget(experiment(BUDGET, "distill.budget.ms_512=0.01"), microseconds_a_weight)
    with pytest.raises(ConfigError, match=r"set ms_512 or gmacs_512, and model\.generator=lite"):
        fit_budget(experiment(BUDGET, "model.generator=unet"), microseconds_a_weight)
