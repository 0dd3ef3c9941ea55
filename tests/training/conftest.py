"""Fixtures for tests of training: losses without training, and a stand-in for W&B's server."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from objective_parts import LAYERS, NO_LOSSES
from wandb_client import KEY, reset_wandb
from wandb_server import WandbServer

from pix2style.config import Config, parse_config
from pix2style.images import Image8, Picture, write_picture
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder

# For `make`, which has a tiny experiment for every objective.
sys.path.append(str(Path(__file__).parents[1] / "golden"))


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """Reset Dynamo, which counts compilations per code object over the whole process and stops silently at a limit."""
    torch._dynamo.reset()
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        yield
    torch._dynamo.reset()


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
    """Return a function: `config("losses.l1=1", ...)` has no loss terms except those that the overrides turn on."""

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
    """Give W&B no key and no server, and let it write only into the test's folder."""
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    for name, file in {"HOME": "home", "NETRC": "netrc"}.items():
        monkeypatch.setenv(name, str(tmp_path / file))
    for name in ("CONFIG", "CACHE", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / f"wandb-{name.lower()}"))
    reset_wandb()


@pytest.fixture
def wandb_server(monkeypatch: pytest.MonkeyPatch, own_wandb: None) -> Iterator[WandbServer]:
    """Start a stand-in for W&B's server, with its address and a key in W&B's environment variables."""
    server = WandbServer()
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    yield server
    server.answer_again()
    reset_wandb()
    server.stop()
    assert server.unexpected_requests == []
