"""A tiny experiment for recipes that train."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pix2style.config import Config

_CHANGES = ("losses.adversarial.weight=0", "train.images=8", "train.batch=2")


@pytest.fixture
def experiment(experiment: Callable[..., Config]) -> Callable[..., Config]:
    """Build the experiment of the other tests with a few images and no discriminator; changes come on top."""
    return lambda *changes: experiment(*_CHANGES, *changes)
