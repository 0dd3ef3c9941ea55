"""Confidence intervals of rates, and how many votes an interval of a given width takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

CONFIDENCE_Z = 1.959963984540054
"""Quantile of the normal distribution for intervals of 95 %."""
WANTED_HALF_WIDTH = 0.05
"""Half-width that an interval should reach: 5 points."""
_EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of votes with its 95 % confidence interval, which treats votes as independent.

    Attributes:
        successes: Number of votes that count for the share; a vote for neither side counts half.
        votes: Number of votes.
        rate: Share from 0 to 1; 0.5 without votes.
        low: Lower end of the Wilson interval (1927).
        high: Upper end.
        votes_needed: How many more votes an interval of ±5 points takes, if the share stays what it is.
    """

    successes: float
    votes: int
    rate: float
    low: float
    high: float
    votes_needed: int

    @classmethod
    def of(cls, successes: float, votes: int) -> Rate:
        """Return the rate of so many successes.

        With votes for neither side, which count half, the interval is too wide rather than too narrow: such votes vary
        less than those that the interval assumes.
        """
        if votes == 0:
            return cls(0, 0, _EVEN, 0, 1, votes_for_half_width(_EVEN))
        share, spread = successes / votes, CONFIDENCE_Z**2 / votes
        center = (share + spread / 2) / (1 + spread)
        half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
        low, high = max(0.0, min(center - half, share)), min(1.0, max(center + half, share))
        needed = 0 if half <= WANTED_HALF_WIDTH else max(1, votes_for_half_width(share) - votes)
        return cls(successes, votes, share, low, high, needed)

    @property
    def holds_half(self) -> bool:
        """Whether the interval holds 50 %."""
        return self.low <= _EVEN <= self.high


def votes_for_half_width(share: float, half_width: float = WANTED_HALF_WIDTH) -> int:
    """Return the smallest number of votes for which the Wilson interval at a share has at most this half-width."""
    # half² = (z²/n · p(1-p) + z⁴/4n²) / (1 + z²/n)² = h² is a quadratic equation for n.
    square, variance, wanted = CONFIDENCE_Z**2, share * (1 - share), half_width**2
    linear = square * (2 * wanted - variance)
    constant = square**2 * (wanted - 0.25)
    return math.ceil((-linear + math.sqrt(linear**2 - 4 * wanted * constant)) / (2 * wanted) - 1e-9)
