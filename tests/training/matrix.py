"""Runs that go on from three places of one that was not interrupted.

By torchrun: `matrix.py train --config EXPERIMENT --out FOLDER/any`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch

from pix2style.config import Config, apply_overrides, load_config
from pix2style.pairs.format.reader import PairReader
from pix2style.training.distributed import World, process_group
from pix2style.training.run.train import train

PLACES = ("mid-epoch", "end-of-epoch", "just-after")
TIMING = {"images_per_s", "memory_gb"}


def run_matrix(config: Config, folder: Path) -> None:
    """Train `FOLDER/whole`, and `FOLDER/PLACE-WORKERS` from a copy of it."""
    assert config.pairs.path is not None
    steps_of_epoch = len(PairReader(config.pairs.path).entries("train")) // config.train.batch
    train(config, folder / "whole")
    for place, step in zip(PLACES, (steps_of_epoch // 2, steps_of_epoch, steps_of_epoch + 1), strict=True):
        for workers in (0, 2):
            run = folder / f"{place}-{workers}"
            if World.current().is_main:
                interrupted_at(folder / "whole", f"step-{step:07d}", run)
            World.current().barrier()
            # without decoded pairs, so that the loader's processes have all the work
            train(apply_overrides(config, [f"train.workers={workers}", "train.decoded_cache_gb=0"]), run, resume=True)


def checkpoints(run: Path) -> list[str]:
    return sorted(p.name for p in (run / "checkpoints").glob("step-*"))


def interrupted_at(whole: Path, step: str, copy: Path) -> Path:
    """The folder as a kill after `step`'s checkpoint leaves it: later checkpoints gone, later metrics still there."""
    shutil.copytree(whole, copy)
    for name in checkpoints(copy):
        if name > step:
            shutil.rmtree(copy / "checkpoints" / name)
    (copy / "checkpoints" / "latest").write_text(step + "\n")
    return copy


def assert_same_end(one: Path, other: Path) -> None:
    """Weights, average, optimisers, random states of all processes, figures."""
    last = checkpoints(one)[-1]
    assert checkpoints(other)[-1] == last
    for name in ("generator.safetensors", "generator.ema.safetensors", "discriminator.safetensors"):
        a, b = (run / "checkpoints" / last / name for run in (one, other))
        assert a.is_file() == b.is_file()
        assert not a.is_file() or a.read_bytes() == b.read_bytes(), f"{other.name}: {name}"
    a, b = (torch.load(run / "checkpoints" / last / "trainer.pt", weights_only=True) for run in (one, other))
    torch.testing.assert_close(a, b, rtol=0, atol=0, msg=lambda said: f"{other.name}: {said}")
    said = [json.loads((run / "checkpoints" / last / "meta.json").read_text()) for run in (one, other)]
    for key in ("figures", "best", "step", "images_seen"):
        assert said[0][key] == said[1][key]
    assert metrics(one) == metrics(other)


def metrics(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]


if __name__ == "__main__":
    with process_group("cpu"):
        run_matrix(load_config(Path(sys.argv[3])), Path(sys.argv[5]).parent)
