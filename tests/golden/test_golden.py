"""The losses of every tiny experiment equal the golden ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from make import FILE, NAMES, losses_of  # isort: skip

# Relative to the value, or to the largest value of the same name, because some pass through 0. Processors round
# differently, and Adam amplifies it from step to step. ATEN_CPU_CAPABILITY=default shows the results of another one.
_RELATIVE, _RELATIVE_TO_LARGEST = 5e-4, 5e-5
_RENEW = (
    "the mathematics changed. If that is intended, run python tests/golden/make.py, check git diff"
    " tests/golden/losses.json, and explain the change in the commit message"
)


@pytest.mark.parametrize("experiment", NAMES)
def test_losses_equal_the_golden_ones(experiment: str, tmp_path: Path) -> None:
    golden = json.loads(FILE.read_text(encoding="utf-8"))["losses"][experiment]
    found = losses_of(experiment, tmp_path)
    assert found.keys() == golden.keys(), f"{experiment}: other loss terms are computed: {_RENEW}"
    for name, values in golden.items():
        computed = [value for value in values if value is not None]
        assert [value is None for value in found[name]] == [value is None for value in values], f"{name}: {_RENEW}"
        expected = pytest.approx(computed, rel=_RELATIVE, abs=_RELATIVE_TO_LARGEST * max(map(abs, computed)))
        assert [value for value in found[name] if value is not None] == expected, f"{name}: {_RENEW}"


def test_every_loss_term_is_covered() -> None:
    from pix2style.training.objective.step_losses import DiscriminatorLosses
    from pix2style.training.objective.terms import TERMS

    golden = json.loads(FILE.read_text(encoding="utf-8"))["losses"]
    covered = {name for by_name in golden.values() for name in by_name}
    distillation_terms = ("distill_output", "distill_features")
    expected = {f"generator/{name}" for name in ("total", "style_balance", *distillation_terms)}
    expected |= {f"generator/{term.name}" for term in TERMS}
    expected |= {f"discriminator/{name}" for name in DiscriminatorLosses.__slots__ if "share" not in name}
    assert covered == expected
