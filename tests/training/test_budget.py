from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.nets.generator import Generator
from pix2style.training.budget import fit_budget

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
    assert fit.to_json()["chosen"]["ms"] == fit.chosen.ms


def test_nothing_is_drawn_from_the_run_s_random_stream(experiment: Experiment) -> None:
    before = torch.get_rng_state()
    fit_budget(experiment(BUDGET), microseconds_a_weight)
    assert torch.equal(before, torch.get_rng_state())


def test_none_fast_enough_and_no_lite(experiment: Experiment) -> None:
    with pytest.raises(ConfigError, match=r"ms_512\] 0.01: the fastest of 6 \(8 channels, 1 blocks\) takes"):
        fit_budget(experiment(BUDGET, "distill.budget.ms_512=0.01"), microseconds_a_weight)
    with pytest.raises(ConfigError, match=r"set ms_512, and model\.generator=lite"):
        fit_budget(experiment(BUDGET, "model.generator=unet"), microseconds_a_weight)
