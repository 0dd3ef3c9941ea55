"""Strengths of stylizers from comparisons of pairs (Bradley and Terry 1952), with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PRIOR_VOTES = 0.5
"""Each stylizer starts with this many wins and as many losses against an imaginary one of average strength, so that the
strength of one that never loses stays finite."""
_MOST_STEPS = 60
_TOLERANCE = 1e-10
_LONGEST_STEP = 2.0
_INTERVAL = (2.5, 97.5)
_FEWEST_UNITS = 2


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Votes on pairs; each array has one entry for each vote.

    Attributes:
        first: Number of one stylizer.
        second: Number of the other one.
        score: 1 if the first one has won, 0 if the second one has, and 0.5 if neither has.
        judge: Number of the person who has voted.
        photo: Number of the photo.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    score: Floats
    judge: npt.NDArray[np.int64]
    photo: npt.NDArray[np.int64]


def fit_strengths(wins: Floats, prior_votes: float = PRIOR_VOTES) -> Floats:
    """Return the log-strengths that maximize the likelihood of wins: P(i wins over j) = 1 / (1 + exp(s_j - s_i)).

    A vote for neither side is half a win for each.

    Args:
        wins: Number of wins of i over j, [..., stylizers, stylizers]; further axes hold independent tables.
        prior_votes: See `PRIOR_VOTES`; 0 is the plain maximum, which is infinite if one never loses.

    Returns:
        Log-strengths [..., stylizers] with the mean 0.
    """
    votes = wins + wins.swapaxes(-1, -2)
    won = wins.sum(-1)
    strengths = np.zeros(wins.shape[:-1])
    diagonal = np.eye(wins.shape[-1])
    for _ in range(_MOST_STEPS):
        chance = _logistic(strengths[..., :, None] - strengths[..., None, :])
        against_average = _logistic(strengths)
        gradient = won - (votes * chance).sum(-1) + prior_votes * (1 - 2 * against_average)
        weight = votes * chance * (1 - chance)
        curvature = weight.sum(-1) + 2 * prior_votes * against_average * (1 - against_average)
        # Without a prior, a constant keeps the matrix invertible: it acts on the mean alone, which is 0. With a prior
        # it would only slow the steps down.
        hessian = diagonal * curvature[..., None] - weight + (0 if prior_votes else 1 / wins.shape[-1])
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        strengths = strengths + step.clip(-_LONGEST_STEP, _LONGEST_STEP)
        if np.abs(step).max(initial=0) < _TOLERANCE:
            break
    centered: Floats = strengths - strengths.mean(-1, keepdims=True)
    return centered


def strength_intervals(
    comparisons: Comparisons, stylizers: int, *, seed: int, rounds: int = 1000
) -> tuple[Floats, Floats, Floats]:
    """Return log-strengths and the ends of their intervals of 95 %, each [stylizers].

    The bootstrap draws judges and photos, both with replacement and independently of each other (Owen 2007, "The
    pigeonhole bootstrap"), because votes of one judge, and votes on one photo, resemble each other. If there
    is only one judge, only photos are drawn, and the other way round; with one judge and one photo, votes are drawn.

    Args:
        comparisons: The votes.
        stylizers: Number of stylizers.
        seed: Seed of the draws.
        rounds: Number of draws.
    """
    random = np.random.default_rng(seed)
    votes = len(comparisons.score)
    weights = np.ones((rounds, votes))
    units = [_counted(numbers) for numbers in (comparisons.judge, comparisons.photo)]
    drawn = [unit for unit in units if unit.max(initial=0) + 1 >= _FEWEST_UNITS] or [np.arange(votes)]
    for unit in drawn:
        count = int(unit.max(initial=0)) + 1
        weights *= random.multinomial(count, np.full(count, 1 / count), size=rounds)[:, unit]
    wins = np.zeros((rounds + 1, stylizers, stylizers))  # the first table is that of all votes
    for vote, score in enumerate(comparisons.score):
        first, second = comparisons.first[vote], comparisons.second[vote]
        weight = np.concatenate([[1.0], weights[:, vote]])
        wins[:, first, second] += weight * score
        wins[:, second, first] += weight * (1 - score)
    strengths = fit_strengths(wins)
    low, high = np.percentile(strengths[1:], _INTERVAL, axis=0)
    return strengths[0], np.minimum(low, strengths[0]), np.maximum(high, strengths[0])


def _counted(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the numbers of the units that occur, counted from 0 without gaps."""
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def _logistic(value: Floats) -> Floats:
    chance: Floats = 0.5 * (1 + np.tanh(value / 2))
    return chance
