"""Tiny experiments that train for real in a second, and a W&B that is all theirs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from objective_parts import LAYERS, NO_LOSSES
from wandb_client import KEY, forget_wandb
from wandb_server import WandbServer

from pix2style.config import Config, parse_config
from pix2style.images import Image8, Picture, write_picture
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder

# For its tiny experiments of every objective.
sys.path.append(str(Path(__file__).parents[1] / "golden"))


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """Dynamo counts what it compiled by source code, over all networks of a process, and then gives up: in silence."""
    torch._dynamo.reset()
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        yield
    torch._dynamo.reset()


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


@pytest.fixture(scope="session")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("features") / "autoencoder.safetensors"
    save_autoencoder(path, Autoencoder((4, 4, 4, 4)))
    return path


@pytest.fixture(scope="session")
def paintings(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> list[Path]:
    folder = tmp_path_factory.mktemp("paintings")
    files = [folder / f"painting-{i}.png" for i in range(3)]
    for file, photo in zip(files, photos(3, 40, 60), strict=True):
        write_picture(file, Picture(photo))
    return files


@pytest.fixture
def config(autoencoder: Path, paintings: list[Path]) -> Callable[..., Config]:
    """`config("losses.l1=1", ...)`: nothing is computed but what the changes ask for."""

    def build(*changes: str, **sections: Any) -> Config:
        base = {
            "pairs": {"style": str(paintings[0])},
            "model": {"discriminator": {"channels": 4, "layers": 1}},
            "losses": {
                **NO_LOSSES,
                "features": {"network": "autoencoder", "weights": str(autoencoder)},
                "style": {"layers": LAYERS, "painting_side_px": 32},
                "content": {"layers": LAYERS},
                "perceptual": {"weight": 0, "layers": LAYERS},
            },
        }
        return parse_config({**base, **sections}, overrides=changes)

    return build


@pytest.fixture
def own_wandb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no server, and nothing written outside of the test's folder."""
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    for name, where in {"HOME": "home", "NETRC": "netrc"}.items():
        monkeypatch.setenv(name, str(tmp_path / where))
    for name in ("CONFIG", "CACHE", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / f"wandb-{name.lower()}"))
    forget_wandb()


@pytest.fixture
def wandb_server(monkeypatch: pytest.MonkeyPatch, own_wandb: None) -> Iterator[WandbServer]:
    """A stand-in for W&B's server, which W&B knows and has a key for."""
    stand_in = WandbServer()
    monkeypatch.setenv("WANDB_BASE_URL", stand_in.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    yield stand_in
    stand_in.speak()
    forget_wandb()
    stand_in.die()
    assert stand_in.surprises == []
