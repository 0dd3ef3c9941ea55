"""Plan which pairs a judge sees, in which order and on which sides: random, balanced, and fixed by the seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Literal

import numpy as np

from pix2style.files import sha256_json

Question = Literal["better", "teacher"]
QUESTIONS: tuple[Question, ...] = ("better", "teacher")
_REPEAT_EVERY = 8
_DISTANCE_OF_REPEATS = 4
_MOST_EXAMPLES = 3
_PHOTOS_PER_EXAMPLE = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """A pair of pictures of one photo, and what is asked about them.

    Attributes:
        question: `better`: which looks better; `teacher`: which is the teacher's.
        photo: Name of the photo.
        left: Name of the stylizer whose picture is on the left.
        right: Name of the stylizer whose picture is on the right.
        showing: 1, or more if the same pair has been shown before, to see whether the judge says the same again.
    """

    question: Question
    photo: str
    left: str
    right: str
    showing: int = 1

    @property
    def key(self) -> tuple[str, str, frozenset[str], int]:
        """What identifies the trial, on whichever sides the pictures are."""
        return self.question, self.photo, frozenset((self.left, self.right)), self.showing


def example_photos(photos: Sequence[str], seed: int) -> list[str]:
    """Return the photos of which judges see the teacher's pictures, so that they know the style; they are not asked.

    They are a quarter of the photos, at most three; with fewer than four photos there are none.
    """
    order = _random(seed, "examples").permutation(len(photos))
    return [photos[i] for i in order[: min(_MOST_EXAMPLES, len(photos) // _PHOTOS_PER_EXAMPLE)]]


def plan_trials(
    question: Question,
    stylizers: Sequence[str],
    photos: Sequence[str],
    *,
    teacher: str | None,
    count: int,
    seed: int,
    judge: str,
) -> list[Trial]:
    """Return the trials of one judge in their order.

    Each beginning of the list has all pairs of stylizers about equally often, and all photos too. No photo is shown
    twice in a row if there are several. Every eighth trial repeats an earlier one with the sides exchanged.

    Args:
        question: What is asked.
        stylizers: Names of the stylizers, with the teacher.
        photos: Names of the photos.
        teacher: Name of the teacher; for the question `teacher` it is in each pair, and some photos are left for
            examples.
        count: Largest number of trials.
        seed: Seed of the order.
        judge: Name of the judge: each one gets another order.
    """
    pairs = [
        (one, other) for one, other in combinations(stylizers, 2) if question == "better" or teacher in (one, other)
    ]
    asked = photos
    if question == "teacher":
        examples = example_photos(photos, seed)
        asked = [photo for photo in photos if photo not in examples]
    random = _random(seed, question, judge)
    return list(islice(_Planner(question, pairs, asked, random).trials(), count))


class _Planner:
    def __init__(
        self, question: Question, pairs: list[tuple[str, str]], photos: Sequence[str], random: np.random.Generator
    ) -> None:
        self._question, self._random = question, random
        open_trials = [(pair, photo) for pair in range(len(pairs)) for photo in range(len(photos))]
        self._open = [open_trials[i] for i in random.permutation(len(open_trials))]
        self._pairs, self._photos = pairs, photos
        self._of_pair: Counter[int] = Counter()
        self._of_photo: Counter[int] = Counter()
        self._is_swapped: dict[int, bool] = {}
        self._shown: list[Trial] = []

    def trials(self) -> Iterator[Trial]:
        while self._open:
            repeat = (
                self._repeat(_DISTANCE_OF_REPEATS) if len(self._shown) % _REPEAT_EVERY == _REPEAT_EVERY - 1 else None
            )
            trial = repeat or self._new() or self._repeat(1) or self._new(any_photo=True)
            if trial is None:
                return
            self._shown.append(trial)
            yield trial

    def _last_photo(self) -> str | None:
        return self._shown[-1].photo if self._shown and len(self._photos) > 1 else None

    def _new(self, *, any_photo: bool = False) -> Trial | None:
        """Return a pair that has not been shown: of the rarest pairs, the one with the rarest photo."""
        last = None if any_photo else self._last_photo()
        fitting = [one for one in self._open if self._photos[one[1]] != last]
        if not fitting:
            return None
        pair, photo = min(fitting, key=lambda one: (self._of_pair[one[0]], self._of_photo[one[1]]))
        self._open.remove((pair, photo))
        self._of_pair[pair] += 1
        self._of_photo[photo] += 1
        # Of two appearances of a pair in a row, each has the other sides.
        is_first_of_two = self._of_pair[pair] % 2 == 1
        self._is_swapped[pair] = bool(self._random.integers(2)) if is_first_of_two else not self._is_swapped[pair]
        left, right = self._pairs[pair][:: -1 if self._is_swapped[pair] else 1]
        return Trial(self._question, self._photos[photo], left, right)

    def _repeat(self, distance: int) -> Trial | None:
        """Return an earlier pair again, on the other sides; each is repeated at most once."""
        repeated = {trial.key[:3] for trial in self._shown if trial.showing > 1}
        earlier = self._shown[: len(self._shown) - distance]
        fitting = [one for one in earlier if one.photo != self._last_photo() and one.key[:3] not in repeated]
        if not fitting:
            return None
        one = fitting[int(self._random.integers(len(fitting)))]
        return Trial(one.question, one.photo, one.right, one.left, showing=2)


def _random(seed: int, *texts: str) -> np.random.Generator:
    return np.random.default_rng(int(sha256_json([seed, *texts])[:16], 16))
