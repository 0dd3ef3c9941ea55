"""Tiny pair sets and experiments that train for real in a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pix2style.config import Config, parse_config
from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_json
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.build import make_pairs
from pix2style.stylizer import Stylizer, StylizerIdentity


class Sepia(Stylizer):
    """A real, tiny teacher: brown paper tones, which a network can learn in a few steps."""

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity(name="sepia", sha256=sha256_json("sepia 1"), licence="Apache-2.0")

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        tones = np.array([1.0, 0.8, 0.5])
        return [np.rint(255 - (255 - image.mean(axis=2, keepdims=True)) * tones).astype(np.uint8) for image in images]


@pytest.fixture(scope="session")
def pair_set(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> Path:
    """Some 24 pairs of 48x48 pixels in one folder, with all three splits filled."""
    folder = tmp_path_factory.mktemp("pair-set")
    for i, photo in enumerate(photos(30, 48, 60)):
        write_picture(folder / "photos" / f"{i:02d}.png", Picture(photo))
    config = PairsConfig(content=(folder / "photos",), size=48, val_share=0.2, test_share=0.2, pairs_per_shard=8)
    make_pairs(config, Sepia(), folder / "pairs")
    return folder / "pairs"


@pytest.fixture
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
                "validate_every_images": 1000,
                "checkpoint_every_images": 1000,
                "grid_photos": 2,
            },
        }
        return parse_config(base, overrides=changes)

    return build
