"""A tiny experiment for recipes that train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.config import Config, parse_config


@pytest.fixture
def experiment(pair_set: Path) -> Callable[..., Config]:
    """Build a tiny experiment on the pair set: `experiment("train.batch=2", ...)` changes single settings."""

    def build(*changes: str) -> Config:
        base = {
            "name": "tiny",
            "pairs": {"path": str(pair_set)},
            "model": {
                "generator": "lite",
                "lite": {"channels": 8, "blocks": 1, "scale": 2},
                "unet": {"channels": 8, "levels": 2},
            },
            "losses": {"l1": 10, "perceptual": {"weight": 0}, "adversarial": {"weight": 0}},
            "train": {
                "images": 8,
                "batch": 2,
                "augment": {"crop": 32},
                "workers": 0,
                "log_every": 1,
                "device": "cpu",
                "precision": "fp32",
                "grid_photos": 2,
            },
        }
        return parse_config(base, overrides=changes)

    return build
