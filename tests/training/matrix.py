"""Resume copies of a run at three steps, to compare the results with the uninterrupted run.

In several processes, torchrun starts `matrix.py train --config EXPERIMENT --out FOLDER/any`.
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
    """Train `FOLDER/whole`, then resume a copy of it in `FOLDER/PLACE-WORKERS` for each place and number of workers."""
    assert config.pairs.path is not None
    steps_of_epoch = len(PairReader(config.pairs.path).entries("train")) // config.train.batch
    train(config, folder / "whole")
    for place, step in zip(PLACES, (steps_of_epoch // 2, steps_of_epoch, steps_of_epoch + 1), strict=True):
        for workers in (0, 2):
            run = folder / f"{place}-{workers}"
            if World.current().is_main:
                copy_interrupted_at(folder / "whole", f"step-{step:07d}", run)
            World.current().barrier()
            # Without decoded pairs: otherwise the loader would start no worker processes.
            train(apply_overrides(config, [f"train.workers={workers}", "train.decoded_cache_gb=0"]), run, resume=True)


def checkpoints(run: Path) -> list[str]:
    """Return the names of the checkpoints, the oldest first."""
    return sorted(p.name for p in (run / "checkpoints").glob("step-*"))


def copy_interrupted_at(whole: Path, step: str, copy: Path) -> Path:
    """Copy a run as if it was killed some steps after a checkpoint: without later checkpoints, with later metrics."""
    shutil.copytree(whole, copy)
    for name in checkpoints(copy):
        if name > step:
            shutil.rmtree(copy / "checkpoints" / name)
    (copy / "checkpoints" / "latest").write_text(step + "\n")
    return copy


def assert_same_end(expected: Path, run: Path) -> None:
    """Assert that two runs end with the same weights, optimiser states, random states and metrics."""
    last = checkpoints(expected)[-1]
    assert checkpoints(run)[-1] == last
    folders = [path / "checkpoints" / last for path in (expected, run)]
    for name in ("generator.safetensors", "generator.ema.safetensors", "discriminator.safetensors"):
        a, b = (folder / name for folder in folders)
        assert a.is_file() == b.is_file()
        assert not a.is_file() or a.read_bytes() == b.read_bytes(), f"{run.name}: {name}"
    a, b = (torch.load(folder / "trainer.pt", weights_only=True) for folder in folders)
    torch.testing.assert_close(a, b, rtol=0, atol=0, msg=lambda message: f"{run.name}: {message}")
    metas = [json.loads((folder / "meta.json").read_text()) for folder in folders]
    for key in ("figures", "best", "step", "images_seen"):
        assert metas[0][key] == metas[1][key]
    assert metrics(expected) == metrics(run)


def metrics(run: Path) -> list[dict[str, float]]:
    """Return the lines of metrics.jsonl, without values that measure the machine."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]


if __name__ == "__main__":
    with process_group("cpu"):
        run_matrix(load_config(Path(sys.argv[3])), Path(sys.argv[5]).parent)
