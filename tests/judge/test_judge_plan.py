"""The order of pairs: balanced, random, repeatable, and never a photo twice in a row."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from pix2style.judge.plan import Trial, example_photos, plan_trials

_PHOTOS = [f"photo {i}" for i in range(12)]


def _plan(**changes: object) -> list[Trial]:
    usual = {"teacher": "t", "count": 60, "seed": 0, "judge": "anna"}
    return plan_trials("better", ["a", "b", "c", "t"], _PHOTOS, **{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [24, 60])
def test_pairs_photos_and_sides_are_balanced(count: int) -> None:
    trials = _plan(count=count)
    assert len(trials) == len({trial.key for trial in trials}) == count
    new = [trial for trial in trials if trial.showing == 1]
    pairs = Counter(frozenset((trial.left, trial.right)) for trial in new)
    assert len(pairs) == 6
    assert max(pairs.values()) - min(pairs.values()) <= 1
    photos = Counter(trial.photo for trial in new)
    assert max(photos.values()) - min(photos.values()) <= 3
    sides = Counter((trial.left, trial.right) for trial in new)
    assert all(abs(sides[left, right] - sides[right, left]) <= 1 for left, right in sides)


def test_no_photo_comes_twice_in_a_row() -> None:
    for judge in ("anna", "ben", "cem"):
        assert all(one.photo != other.photo for one, other in pairwise(_plan(judge=judge)))
    few = plan_trials("better", ["a", "b", "c"], ["x", "y"], teacher=None, count=9, seed=0, judge="anna")
    assert len({trial.key[:3] for trial in few}) == 6
    assert all(one.photo != other.photo for one, other in pairwise(few))
    assert len(plan_trials("better", ["a", "b", "c"], ["x"], teacher=None, count=9, seed=0, judge="")) == 3


def test_some_pairs_are_repeated_with_sides_exchanged() -> None:
    trials = _plan()
    repeated = [trial for trial in trials if trial.showing == 2]
    assert len(repeated) == 60 // 8
    for trial in repeated:
        [first] = [one for one in trials if one.key == (*trial.key[:3], 1)]
        assert (first.left, first.right) == (trial.right, trial.left)
        assert trials.index(trial) - trials.index(first) > 3


def test_seed_and_judge_decide_the_order() -> None:
    assert _plan() == _plan()
    assert _plan() != _plan(judge="ben")
    assert _plan() != _plan(seed=1)
    assert _plan(count=30) == _plan()[:30]  # so that more pairs can be asked later


def test_examples_of_the_teacher_are_not_asked() -> None:
    examples = example_photos(_PHOTOS, 0)
    assert len(examples) == 3
    trials = plan_trials("teacher", ["a", "b", "t"], _PHOTOS, teacher="t", count=99, seed=0, judge="anna")
    assert {trial.photo for trial in trials} == set(_PHOTOS) - set(examples)
    assert all("t" in (trial.left, trial.right) for trial in trials)
    assert example_photos(_PHOTOS[:3], 0) == []
