"""Analyse votes: win rates, strengths, how often judges find the teacher's picture, and how consistent they are."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pix2style.judge.bradley_terry import Comparisons, strength_intervals
from pix2style.judge.intervals import Rate
from pix2style.judge.votes import Vote

_HALF = 0.5


@dataclass(frozen=True, slots=True)
class PairResult:
    """Votes of the question which of two stylizers looks better.

    Attributes:
        first: Name of one stylizer.
        second: Name of the other one.
        first_wins: Votes for the first.
        second_wins: Votes for the second.
        neither: Votes for neither, which count half for each.
        rate: Share of the first.
    """

    first: str
    second: str
    first_wins: int
    second_wins: int
    neither: int
    rate: Rate


@dataclass(frozen=True, slots=True)
class Strength:
    """Strength of a stylizer by Bradley and Terry.

    Attributes:
        stylizer: Its name.
        log_strength: Its logarithm; the mean over stylizers is 0.
        low: Lower end of the interval of 95 %.
        high: Upper end.
        chance: Chance to win over a stylizer of average strength, 0 to 1.
        chance_low: The same for `low`.
        chance_high: The same for `high`.
    """

    stylizer: str
    log_strength: float
    low: float
    high: float
    chance: float
    chance_low: float
    chance_high: float


@dataclass(frozen=True, slots=True)
class TeacherResult:
    """Votes of the question which picture is the teacher's.

    Attributes:
        stylizer: Name of the stylizer beside the teacher.
        right: Right answers.
        wrong: Wrong answers.
        neither: Votes for neither, which count as half right.
        rate: Share of right answers.
        verdict: What that means, in words. An interval with 50 % in it shows no difference, but does not prove that
            there is none.
    """

    stylizer: str
    right: int
    wrong: int
    neither: int
    rate: Rate
    verdict: str


@dataclass(frozen=True, slots=True)
class JudgeResult:
    """Votes of one judge, or of all.

    Attributes:
        judge: Name.
        votes: Number of votes, with repeated pairs.
        seconds: Median time for a vote; None if no time is known.
        left: Share of votes for the left side among those for either side; far from 50 % it is a habit.
        consistency: Share of repeated pairs in which the answer was the same again.
    """

    judge: str
    votes: int
    seconds: float | None
    left: Rate
    consistency: Rate


@dataclass(frozen=True, slots=True)
class VoteReport:
    """The report of votes. Repeated pairs count in `judges` and `everybody` only.

    Attributes:
        votes: Number of votes, with repeated pairs.
        photos: Number of photos that were judged.
        seed: Seed of the bootstrap.
        pairs: Win rates, for each pair of stylizers.
        strengths: Strengths of the stylizers, the strongest first; empty without votes of this question.
        teacher: For each stylizer, how often judges found the teacher's picture beside its own.
        judges: The judges.
        everybody: All judges together.
    """

    votes: int
    photos: int
    seed: int
    pairs: tuple[PairResult, ...]
    strengths: tuple[Strength, ...]
    teacher: tuple[TeacherResult, ...]
    judges: tuple[JudgeResult, ...]
    everybody: JudgeResult

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)


def analyse_votes(votes: Sequence[Vote], *, seed: int = 0) -> VoteReport:
    """Return the report of votes.

    Args:
        votes: The votes, of one or several judges.
        seed: Seed of the bootstrap; the same votes and seed give the same report.
    """
    first_showings = [vote for vote in votes if vote.showing == 1]
    better = [vote for vote in first_showings if vote.question == "better"]
    names = sorted({vote.judge for vote in votes})
    by_judge = {name: [vote for vote in votes if vote.judge == name] for name in names}
    return VoteReport(
        votes=len(votes),
        photos=len({vote.photo for vote in votes}),
        seed=seed,
        pairs=tuple(_pairs(better)),
        strengths=tuple(_strengths(better, seed)),
        teacher=tuple(_teacher([vote for vote in first_showings if vote.question == "teacher"])),
        judges=tuple(_judge(name, of_judge, _repeats(of_judge)) for name, of_judge in by_judge.items()),
        everybody=_judge("all", votes, [pair for of_judge in by_judge.values() for pair in _repeats(of_judge)]),
    )


def _pairs(votes: Sequence[Vote]) -> list[PairResult]:
    results = []
    for first, second in combinations(sorted({name for vote in votes for name in (vote.left, vote.right)}), 2):
        of_pair = [vote.chosen for vote in votes if {vote.left, vote.right} == {first, second}]
        wins, losses, neither = of_pair.count(first), of_pair.count(second), of_pair.count(None)
        if of_pair:
            rate = Rate.of(wins + neither * _HALF, len(of_pair))
            results.append(PairResult(first, second, wins, losses, neither, rate))
    return results


def _strengths(votes: Sequence[Vote], seed: int) -> list[Strength]:
    if not votes:
        return []
    names = sorted({name for vote in votes for name in (vote.left, vote.right)})
    # The order of votes in a file must not change the draws of the bootstrap.
    votes = sorted(votes, key=lambda vote: (vote.judge, vote.photo, vote.left, vote.right, vote.id))
    judges, photos = sorted({vote.judge for vote in votes}), sorted({vote.photo for vote in votes})
    comparisons = Comparisons(
        first=np.array([names.index(vote.left) for vote in votes]),
        second=np.array([names.index(vote.right) for vote in votes]),
        score=np.array([{"left": 1.0, "right": 0.0, "neither": _HALF}[vote.answer] for vote in votes]),
        judge=np.array([judges.index(vote.judge) for vote in votes]),
        photo=np.array([photos.index(vote.photo) for vote in votes]),
    )
    ends = zip(names, *strength_intervals(comparisons, len(names), seed=seed), strict=True)
    results = [
        Strength(name, *(float(value) for value in values), *(float(1 / (1 + np.exp(-value))) for value in values))
        for name, *values in ends
    ]
    return sorted(results, key=lambda result: -result.log_strength)


def _teacher(votes: Sequence[Vote]) -> list[TeacherResult]:
    results = []
    stylizers = sorted({name for vote in votes for name in (vote.left, vote.right) if name != vote.teacher})
    for stylizer in stylizers:
        # Several files may have several teachers, so that a stylizer of one test may be the teacher of another.
        chosen = [vote.chosen for vote in votes if stylizer in (vote.left, vote.right) and vote.teacher != stylizer]
        neither, wrong = chosen.count(None), chosen.count(stylizer)
        right = len(chosen) - neither - wrong
        rate = Rate.of(right + neither * _HALF, len(chosen))
        results.append(TeacherResult(stylizer, right, wrong, neither, rate, _verdict(rate)))
    return results


def _verdict(rate: Rate) -> str:
    if rate.holds_half:
        return "not shown to differ from the teacher"
    if rate.rate > _HALF:
        return "people can tell it from the teacher"
    return "people take it for the teacher"


def _repeats(votes: Sequence[Vote]) -> list[tuple[Vote, Vote]]:
    """Return the repeated pairs of one judge, each with the first answer."""
    first = {vote.trial.key: vote for vote in votes if vote.showing == 1}
    keys = [(vote.trial.key, vote) for vote in votes if vote.showing > 1]
    return [(first[*key[:3], 1], vote) for key, vote in keys if (*key[:3], 1) in first]


def _judge(name: str, votes: Sequence[Vote], repeats: Sequence[tuple[Vote, Vote]]) -> JudgeResult:
    sides = [vote.answer for vote in votes if vote.answer != "neither"]
    seconds = [vote.seconds for vote in votes if vote.seconds is not None]
    same = sum(earlier.chosen == later.chosen for earlier, later in repeats)
    return JudgeResult(
        judge=name,
        votes=len(votes),
        seconds=round(statistics.median(seconds), 2) if seconds else None,
        left=Rate.of(sides.count("left"), len(sides)),
        consistency=Rate.of(same, len(repeats)),
    )
