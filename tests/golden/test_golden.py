"""Every objective's losses are what they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from make import FILE, NAMES, losses_of  # isort: skip

# Of the value, or of the part's largest one, as some parts pass through 0. Processors round differently, and Adam makes
# more of it at each step; try another one's way with ATEN_CPU_CAPABILITY=default.
_RELATIVE, _OF_LARGEST = 5e-4, 5e-5
_RENEW = (
    "the maths changed. If that is wanted: python tests/golden/make.py, look at git diff tests/golden/losses.json, and"
    " say in the commit why"
)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_what_they_were(name: str, tmp_path: Path) -> None:
    golden = json.loads(FILE.read_text(encoding="utf-8"))["losses"][name]
    found = losses_of(name, tmp_path)
    assert found.keys() == golden.keys(), f"{name}: other parts are computed: {_RENEW}"
    for part, values in golden.items():
        computed = [value for value in values if value is not None]
        assert [value is None for value in found[part]] == [value is None for value in values], f"{part}: {_RENEW}"
        expected = pytest.approx(computed, rel=_RELATIVE, abs=_OF_LARGEST * max(map(abs, computed)))
        assert [value for value in found[part] if value is not None] == expected, f"{part}: {_RENEW}"


def test_every_part_is_covered() -> None:
    from pix2style.training.objective.step_losses import DiscriminatorLosses
    from pix2style.training.objective.terms import TERMS

    golden = json.loads(FILE.read_text(encoding="utf-8"))["losses"]
    covered = {part for parts in golden.values() for part in parts}
    of_distillation = ("distill_output", "distill_features")
    wanted = {f"generator/{name}" for name in ("total", "style_balance", *of_distillation)}
    wanted |= {f"generator/{term.name}" for term in TERMS}
    wanted |= {f"discriminator/{part}" for part in DiscriminatorLosses.__slots__ if "share" not in part}
    assert covered == wanted
