"""Rates, strengths and verdicts: against published examples, and against judges whose preferences are known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from pix2style.judge.analysis import analyse_votes
from pix2style.judge.bradley_terry import fit_strengths
from pix2style.judge.intervals import Rate, votes_for_half_width
from pix2style.judge.table import render_report
from pix2style.judge.votes import Vote

MakeVote = Callable[..., Vote]


def test_strengths_of_the_baseball_example() -> None:
    """American League 1987 (Agresti, Categorical Data Analysis, 10.6), as the R package BradleyTerry2 fits it."""
    wins = np.array(
        [  # Milwaukee, Detroit, Toronto, New York, Boston, Cleveland, Baltimore
            [0, 7, 9, 7, 7, 9, 11],
            [6, 0, 7, 5, 11, 9, 9],
            [4, 6, 0, 7, 7, 8, 12],
            [6, 8, 6, 0, 6, 7, 10],
            [6, 2, 6, 7, 0, 7, 12],
            [4, 4, 5, 6, 6, 0, 6],
            [2, 4, 1, 3, 1, 7, 0],
        ],
        np.float64,
    )
    strengths = fit_strengths(wins, prior_votes=0)
    expected = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0]
    np.testing.assert_allclose(strengths - strengths[-1], expected, atol=5e-5)


def test_one_that_never_loses_has_a_finite_strength() -> None:
    few, many = (fit_strengths(np.array([[0.0, wins], [0.0, 0.0]])) for wins in (3, 300))
    assert 0 < few[0] < many[0] < 10
    np.testing.assert_allclose(fit_strengths(np.array([[0, 4.0], [4.0, 0]])), 0, atol=1e-9)


def test_strengths_are_where_the_likelihood_has_its_maximum() -> None:
    """With many votes and few, where steps could end too early: the gradient with the prior vanishes at some mean."""
    wins = np.array([[0, 300.0, 0], [0, 0, 3], [1, 0, 0]])
    strengths = fit_strengths(wins)

    def gradient(mean: float) -> np.ndarray:
        own = strengths + mean
        chance = 1 / (1 + np.exp(own[None] - own[:, None]))
        return wins.sum(1) - ((wins + wins.T) * chance).sum(1) + 0.5 - 1 / (1 + np.exp(-own))

    low, high = -10.0, 10.0  # the sum of the gradient falls with the mean
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if gradient(middle).sum() > 0 else (low, middle)
    np.testing.assert_allclose(gradient(low), 0, atol=1e-8)


def test_the_teacher_of_one_test_may_be_a_stylizer_of_another(make_vote: MakeVote) -> None:
    first = [make_vote("a", "b", "left", question="teacher", teacher="a", photo=str(i)) for i in range(3)]
    second = [make_vote("a", "b", "left", question="teacher", teacher="b", photo=str(i)) for i in range(5)]
    results = {one.stylizer: (one.right, one.wrong) for one in analyse_votes([*first, *second]).teacher}
    assert results == {"a": (0, 5), "b": (3, 0)}


@pytest.mark.parametrize(
    ("successes", "votes", "low", "high"),
    # Newcombe (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals(successes: int, votes: int, low: float, high: float) -> None:
    rate = Rate.of(successes, votes)
    assert (rate.low, rate.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.03])
def test_votes_that_are_needed_give_the_half_width(share: float) -> None:
    needed = votes_for_half_width(share)
    widths = [Rate.of(share * votes, votes).high - Rate.of(share * votes, votes).low for votes in (needed - 1, needed)]
    assert widths[1] <= 0.1 < widths[0]
    assert Rate.of(5, 10).votes_needed == votes_for_half_width(0.5) - 10
    assert Rate.of(500, 1000).votes_needed == 0


@pytest.mark.parametrize(("successes", "votes"), [(40, 40), (35, 35), (34, 34), (7, 7), (1, 90), (200, 390), (12, 20)])
def test_votes_are_needed_if_and_only_if_the_interval_is_too_wide(successes: int, votes: int) -> None:
    rate = Rate.of(successes, votes)
    half = (rate.high - rate.low) / 2
    assert (rate.votes_needed == 0) == (half <= 0.05)
    enough = votes + rate.votes_needed
    later = Rate.of(successes / votes * enough, enough)
    assert (later.high - later.low) / 2 <= 0.05


def _simulated(make_vote: MakeVote, strengths: dict[str, float], rounds: int, seed: int) -> list[Vote]:
    """Return votes of three judges on ten photos who say neither in a fifth of the cases, and else prefer by chance."""
    random, votes = np.random.default_rng(seed), []
    for number in range(rounds):
        for pair in combinations(strengths, 2):
            left, right = pair if random.integers(2) else pair[::-1]
            chance = 1 / (1 + np.exp(strengths[right] - strengths[left]))
            is_tie = random.random() < 0.2
            answer = "neither" if is_tie else "left" if random.random() < chance else "right"
            fields = {"judge": f"judge {number % 3}", "photo": f"photo {random.integers(10)}"}
            votes.append(make_vote(left, right, answer, **fields))
    return votes


def test_judges_with_known_preferences_give_them_back(make_vote: MakeVote) -> None:
    known = {"weak": -1.0, "middle": 0.0, "strong": 1.0}
    report = analyse_votes(_simulated(make_vote, known, 150, seed=1))
    assert [one.stylizer for one in report.strengths] == ["strong", "middle", "weak"]
    for one in report.strengths:
        # A fifth of votes for neither, half a win each, draws all strengths towards the middle.
        assert one.low <= 0.8 * known[one.stylizer] <= one.high
        assert 0.1 < one.high - one.low < 1.2
    [pair] = [one for one in report.pairs if {one.first, one.second} == {"strong", "weak"}]
    rate = 0.5 * 0.2 + 0.8 / (1 + np.exp(-2))
    assert pair.rate.low <= (rate if pair.first == "strong" else 1 - rate) <= pair.rate.high
    assert pair.first_wins + pair.second_wins + pair.neither == pair.rate.votes == 150


def test_the_same_votes_in_another_order_give_the_same_report(make_vote: MakeVote) -> None:
    votes = _simulated(make_vote, {"a": 0.0, "b": 1.0}, 40, seed=2)
    assert analyse_votes(votes, seed=3).strengths == analyse_votes(votes[::-1], seed=3).strengths


def test_photos_on_which_judges_agree_make_intervals_wider(make_vote: MakeVote) -> None:
    """Forty votes on four photos, each of which is always judged alike, are no forty independent votes."""
    alike = [make_vote("a", "b", ("left", "right")[i % 4 == 0], photo=f"photo {i % 4}") for i in range(40)]
    spread = [make_vote("a", "b", ("left", "right")[i % 4 == 0], photo=f"photo {i}") for i in range(40)]
    widths = [analyse_votes(votes).strengths[0] for votes in (alike, spread)]
    assert widths[0].log_strength == pytest.approx(widths[1].log_strength)
    assert widths[0].high - widths[0].low > 2 * (widths[1].high - widths[1].low)


def test_one_photo_and_one_judge_still_have_an_interval(make_vote: MakeVote) -> None:
    report = analyse_votes([make_vote("a", "b", "left") for _ in range(5)] + [make_vote("a", "b", "right")])
    assert report.strengths[0].low < report.strengths[0].log_strength < report.strengths[0].high


def test_whether_the_teacher_is_told(make_vote: MakeVote) -> None:
    def answers(stylizer: str, right: int, wrong: int, neither: int) -> list[Vote]:
        kinds = ["left"] * right + ["right"] * wrong + ["neither"] * neither
        return [make_vote("t", stylizer, kind, question="teacher", teacher="t") for kind in kinds]

    votes = [*answers("bad", 30, 2, 0), *answers("good", 16, 14, 4), *answers("better", 2, 30, 0)]
    results = {one.stylizer: one for one in analyse_votes(votes).teacher}
    assert (results["good"].right, results["good"].wrong, results["good"].neither) == (16, 14, 4)
    assert results["good"].rate.rate == pytest.approx(18 / 34)
    assert results["good"].verdict == "not shown to differ from the teacher"
    assert results["bad"].verdict == "people can tell it from the teacher"
    assert results["better"].verdict == "people take it for the teacher"
    assert analyse_votes(votes).strengths == ()


def test_habits_and_consistency_of_judges(make_vote: MakeVote) -> None:
    votes = [
        make_vote("a", "b", "left"),
        make_vote("b", "a", "right", showing=2),  # a again
        make_vote("a", "b", "left", photo="dog"),
        make_vote("b", "a", "left", photo="dog", showing=2, seconds=9.0),  # b now
        make_vote("a", "b", "neither", photo="sea", judge="ben", seconds=None),
    ]
    report = analyse_votes(votes)
    anna, ben = report.judges
    assert (anna.judge, anna.votes, anna.seconds) == ("anna", 4, 2.0)
    assert (anna.consistency.successes, anna.consistency.votes) == (1, 2)
    assert (anna.left.successes, anna.left.votes) == (3, 4)
    assert (ben.seconds, ben.left.votes, ben.consistency.votes) == (None, 0, 0)
    assert report.pairs[0].rate.votes == 3  # without the repeats
    text = render_report(report)
    assert "5 votes of 2 judges on 3 photos" in text
    assert "a over b" in text
    assert "1 of 2" in text
    assert render_report(analyse_votes([])) == "there are no votes yet"
