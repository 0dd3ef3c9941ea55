"""Loader processes end with the training, however it ends, and not before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pix2style.errors import ConfigError
from pix2style.files import locked

# Batches that are too large for a pipe: their process waits until somebody takes them.
_TRAINING = """
import sys, time
from pathlib import Path
import numpy as np
from torch.utils.data import DataLoader, Dataset
from pix2style.errors import ConfigError
from pix2style.files import locked
from pix2style.training.data import loader

class Batches(Dataset):
    def __len__(self): return 100
    def __getitem__(self, number): return np.full(1_000_000, number)

if __name__ == "__main__":
    with locked(Path(sys.argv[1]), ConfigError("busy")):
        batches = iter(DataLoader(Batches(), batch_size=None, num_workers=2, collate_fn=loader._identity,
                                  worker_init_fn=loader._begin_loader_process))
        next(batches), next(batches)  # both processes have begun
        print(*(worker.pid for worker in batches._workers), flush=True)
        for line in sys.stdin:
            print(next(batches)[0], flush=True)
"""


def start(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a training with two loader processes that holds the lock of a folder; return it and their ids."""
    script = folder.with_name(f"{folder.name}.py")
    script.write_text(_TRAINING)
    command = [sys.executable, str(script), str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    loaders = [int(word) for word in process.stdout.readline().split()]
    assert len(loaders) == 2
    return process, loaders


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL, and no forks that share a lock")
def test_they_end_when_the_training_is_killed(tmp_path: Path) -> None:
    process, _ = start(tmp_path)
    process.kill()
    process.wait()
    for _ in range(100):
        try:
            with locked(tmp_path, ConfigError("busy")):
                return
        except ConfigError:
            time.sleep(0.2)
    pytest.fail("after the training was killed, its loader processes still hold the lock of the run folder")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to other processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_them_end_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process, loaders = start(tmp_path)
    assert process.stdin is not None
    assert process.stdout is not None
    for loader in loaders:
        os.kill(loader, number)
    seen = []
    for _ in range(8):
        process.stdin.write("\n")
        process.stdin.flush()
        seen.append(int(process.stdout.readline()))
    assert seen == [2, 3, 4, 5, 6, 7, 8, 9]
    process.stdin.close()
    assert process.wait(60) == 0
