"""Find out how the pictures of an image are arranged: content and target side by side, above each other, or otherwise.

Content and target have their edges at the same places, and parts of one photo do not, so the edges of the parts say how
an image has to be divided. The size alone cannot: a photo above its target is as wide as high if the photo is twice as
wide as high.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pix2style.images import Image8
from pix2style.pairs.check.alignment import CERTAIN_SCORE, FOUND_SCORE
from pix2style.pairs.check.edge_field import correlate, edge_field

Arrangement = Literal["side-by-side", "stacked"]
ARRANGEMENTS: tuple[Arrangement, ...] = ("side-by-side", "stacked")
Side = Literal["left", "right", "top", "bottom"]

_REQUIRED_GAIN = 1.5  # of the best division over every other one
_MIN_PART_PX = 24
_MIN_SHARE = 0.1  # of images that have to say their arrangement by their edges: parts of photos are alike by chance
_PARTS = (2, 3, 4)
_DIRECTIONS: dict[Arrangement, tuple[int, str]] = {"side-by-side": (1, "side by side"), "stacked": (0, "stacked")}
_HALVES: dict[Arrangement, tuple[Side, Side]] = {"side-by-side": ("left", "right"), "stacked": ("top", "bottom")}


@dataclass(frozen=True, slots=True)
class Division:
    """A way to divide an image into equal parts.

    Attributes:
        arrangement: Direction in which the parts follow each other.
        parts: Number of parts.
    """

    arrangement: Arrangement
    parts: int

    def __str__(self) -> str:
        names = {2: "two", 3: "three", 4: "four"}
        return f"{names[self.parts]} pictures {_DIRECTIONS[self.arrangement][1]}"


@dataclass(frozen=True, slots=True)
class Layout:
    """How content and target are arranged in the images of a source.

    Attributes:
        arrangement: Side by side, or stacked.
        content_side: Half that holds the content.
    """

    arrangement: Arrangement
    content_side: Side

    @classmethod
    def of(cls, arrangement: Arrangement, content_side: Side | None = None) -> Layout:
        """Return the layout with the content on the given side, or else left or on top."""
        return cls(arrangement, content_side or _HALVES[arrangement][0])

    @property
    def other_side(self) -> Side:
        """The half that holds the target."""
        first, second = _HALVES[self.arrangement]
        return second if self.content_side == first else first

    def divide(self, image: Image8) -> tuple[Image8, Image8]:
        """Return content and target of an image, whose size in the direction of the parts is even."""
        first, second = parts_of(image, Division(self.arrangement, 2))
        return (first, second) if self.content_side in ("left", "top") else (second, first)


def arrangement_of_side(side: Side) -> Arrangement:
    """Return the arrangement that has a half of this name."""
    return "side-by-side" if side in ("left", "right") else "stacked"


def parts_of(image: Image8, division: Division) -> list[Image8]:
    """Divide an image into equal parts; a remainder of fewer pixels than parts is dropped.

    Args:
        image: uint8 [height, width, 3].
        division: Direction and number of the parts.
    """
    axis = _DIRECTIONS[division.arrangement][0]
    length = image.shape[axis] // division.parts
    return [np.ascontiguousarray(image.take(range(i * length, (i + 1) * length), axis)) for i in range(division.parts)]


def recognise_division(image: Image8) -> Division | None:
    """Return the division whose parts show the same edges at the same places, or None if no one is clearly the best.

    Args:
        image: uint8 [height, width, 3].
    """
    divisions = [Division(arrangement, parts) for arrangement in _DIRECTIONS for parts in _PARTS]
    scores = {division: _score(image, division) for division in divisions}
    for arrangement in _DIRECTIONS:
        # Four equal pictures in a row have two equal halves, too.
        if scores[Division(arrangement, 4)] >= max(FOUND_SCORE, scores[Division(arrangement, 2)] / _REQUIRED_GAIN):
            del scores[Division(arrangement, 2)]
    best, second = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    return best if scores[best] >= max(FOUND_SCORE, _REQUIRED_GAIN * scores[second]) else None


def contradicting_division(image: Image8, arrangement: Arrangement) -> Division | None:
    """Return the division of an image that is clearly not into two halves of this arrangement, or None.

    Args:
        image: uint8 [height, width, 3].
        arrangement: Expected arrangement.
    """
    halves = Division(arrangement, 2)
    # The usual case needs only a part of the work.
    if _score(image, halves) >= CERTAIN_SCORE and _score(image, Division(arrangement, 4)) < FOUND_SCORE:
        return None
    division = recognise_division(image)
    return None if division == halves else division


def common_arrangement(images: Sequence[Image8]) -> Arrangement | None:
    """Return the arrangement of most of the images that say one, or None if too few say one.

    What the edges do not say, because images are small, plain or of an abstract style, an exact 2:1 of half of them
    says.
    """
    by_edges = Counter(division.arrangement for image in images if (division := recognise_division(image)))
    if by_edges.total() >= max(1.0, _MIN_SHARE * len(images)):
        return by_edges.most_common(1)[0][0]
    sizes = [image.shape[:2] for image in images]
    beside, stacked = sum(w == 2 * h for h, w in sizes), sum(h == 2 * w for h, w in sizes)
    if 2 * max(beside, stacked) < len(images):
        return None
    return "side-by-side" if beside > stacked else "stacked"


def _score(image: Image8, division: Division) -> float:
    """Return how well the edges of the first part agree with those of the others, in standard deviations."""
    first, *others = parts_of(image, division)
    if min(first.shape[:2]) < _MIN_PART_PX:
        return 0.0
    if division.parts == 4:
        # Only with the second part: the first quarter of a pair is that of the photo, and the third that of the target.
        others = others[:1]
    field = edge_field(first)
    return max(correlate(field, edge_field(other)).score for other in others)
