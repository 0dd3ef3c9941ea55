"""Losses that begin after some of the training: `start_images` or `start_share`."""

from __future__ import annotations

from typing import Protocol


class LateStart(Protocol):
    """A section of the configuration whose losses may begin later than the training.

    Attributes:
        start_images: Number of training images after which they begin.
        start_share: The same as a share of the training, 0 to 1; None: `start_images` applies.
    """

    @property
    def start_images(self) -> int: ...  # noqa: D102

    @property
    def start_share(self) -> float | None: ...  # noqa: D102


def check_one_start(section: LateStart) -> None:
    """Raise a ValueError if a section sets both keys."""
    if section.start_images and section.start_share is not None:
        raise ValueError("start_images and start_share cannot both be set: choose one")


def has_begun(section: LateStart, images_seen: int, share: float) -> bool:
    """Whether the losses of a section have begun.

    Args:
        section: Section with `start_images` and `start_share`.
        images_seen: Training images before the step.
        share: Share of the training, 0 to 1, that was reached before the step.
    """
    return images_seen >= section.start_images if section.start_share is None else share >= section.start_share
