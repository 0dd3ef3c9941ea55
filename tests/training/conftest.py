"""Tiny experiments that train for real in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.config import Config, parse_config


@pytest.fixture(scope="session")
def experiment(pair_set: Path) -> Callable[..., Config]:
    """`experiment("train.batch=2", ...)`: a tiny experiment on the pair set, with changes."""

    def build(*changes: str) -> Config:
        base = {
            "name": "tiny",
            "pairs": {"path": str(pair_set)},
            "model": {
                "generator": "lite",
                "lite": {"channels": 8, "blocks": 1, "scale": 2},
                "unet": {"channels": 8, "levels": 2},
                "unet_2017": {"channels": 4, "downsamplings": 5},
                "discriminator": {"channels": 4, "layers": 1},
            },
            "losses": {"l1": 10, "perceptual": {"weight": 0}},
            "train": {
                "images": 48,
                "batch": 4,
                "augment": {"crop": 32},
                "generator": {"lr": 2e-3},
                "ema_halflife_images": 16,
                "workers": 0,
                "log_every": 1,
                "device": "cpu",
                "precision": "fp32",
                "validate_every_images": 1000,
                "checkpoint_every_images": 1000,
                "grid_photos": 2,
            },
        }
        return parse_config(base, overrides=changes)

    return build
