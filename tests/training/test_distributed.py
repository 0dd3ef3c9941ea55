"""Training in several processes: same weights as in one, messages from one process only, and no process that hangs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from launch import finish, popen
from safetensors.torch import load_file

from pix2style.config import Config
from pix2style.training.distributed import World, flatten_tensors, unflatten_tensors

Experiment = Callable[..., Config]


def test_in_one_process_collectives_return_their_argument() -> None:
    world = World.current()
    assert (world.rank, world.size, world.is_main) == (0, 1, True)
    assert world.any(True)
    assert not world.any(False)
    assert world.broadcast_object({"a": 1}) == {"a": 1}
    assert world.all_gather_object("x") == ["x"]


def test_unflatten_inverts_flatten() -> None:
    tensors = [torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last), torch.randn(()), torch.randn(5)]
    for a, b in zip(tensors, unflatten_tensors(flatten_tensors(tensors), tensors), strict=True):
        assert torch.equal(a, b)


def weights(run: Path) -> dict[str, torch.Tensor]:
    folder = run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()
    names = ("generator", "generator.ema", "discriminator")
    return {f"{n}:{key}": value for n in names for key, value in load_file(folder / f"{n}.safetensors").items()}


def test_two_processes_train_the_same_weights_as_one(tmp_path: Path, experiment: Experiment) -> None:
    """With the same global batch, weights differ by less than 2e-5 after 12 steps, in which they change by up to 2e-2.

    The bound cannot be smaller: sums have another order, and Adam divides by gradients that may be almost 0.
    """
    config = experiment("train.workers=0", "train.accumulate=1", "losses.adversarial.weight=0.5")
    one, two = tmp_path / "one", tmp_path / "two"
    processes = [popen(config, one), popen(config, two, 2, "--json")]
    (code, _, stderr), (code_two, stdout_two, stderr_two) = (finish(process) for process in processes)
    assert code == 0, stderr
    assert code_two == 0, stderr_two
    report = json.loads(stdout_two)  # fails if both processes print a report
    assert (report["step"], report["images_seen"]) == (12, 48)
    a, b = weights(one), weights(two)
    assert a.keys() == b.keys()
    largest = max(float((a[name].float() - b[name].float()).abs().max()) for name in a)
    assert largest < 2e-5
    metrics = [json.loads((run / "metrics.jsonl").read_text().splitlines()[0]) for run in (one, two)]
    assert metrics[0]["generator/l1"] == pytest.approx(metrics[1]["generator/l1"], rel=1e-5)  # averaged
    assert len((two / "metrics.jsonl").read_text().splitlines()) == len(
        (one / "metrics.jsonl").read_text().splitlines()
    )


def test_a_batch_that_cannot_be_divided_gives_one_message(tmp_path: Path, experiment: Experiment) -> None:
    code, _, stderr = finish(popen(experiment("train.batch=3"), tmp_path / "run", 2))
    assert code != 0
    assert stderr.count("pix2style: [train -> batch] 3 pairs cannot be divided evenly") == 1
    assert "pix2style/training" not in stderr  # torchrun prints a traceback of its own; there must be none of ours
    assert not (tmp_path / "run").exists()


def wait_for_checkpoint(run: Path, timeout_s: float = 100) -> None:
    end = time.monotonic() + timeout_s
    while not (run / "checkpoints" / "latest").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def training_processes(parent: int) -> dict[int, int]:
    """Return rank -> process id of torchrun's children."""
    processes = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat, environment = (entry / "stat").read_text(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == parent:
            ranks = [v for v in environment.split(b"\0") if v.startswith(b"RANK=")]
            processes |= {int(rank[5:]): int(entry.name) for rank in ranks}
    return processes


LONG = ("train.images=200000", "train.batch=2", "train.checkpoint_every_images=40", "train.log_every=1000")


def test_if_one_process_is_killed_the_others_end(tmp_path: Path, experiment: Experiment) -> None:
    process = popen(experiment(*LONG), tmp_path / "run", 2)
    wait_for_checkpoint(tmp_path / "run")
    ranks = training_processes(process.pid)
    assert sorted(ranks) == [0, 1]
    os.kill(ranks[1], signal.SIGKILL)
    code, _, stderr = finish(process)
    assert code != 0
    assert stderr.count("pix2style: another process of this run ended") == 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in ranks.values())


def test_sigterm_stops_all_processes_at_the_same_step(tmp_path: Path, experiment: Experiment) -> None:
    """torchrun forwards the signal; only the main process writes files and prints."""
    run = tmp_path / "run"
    process = popen(experiment(*LONG), run, 2)
    wait_for_checkpoint(run)
    process.send_signal(signal.SIGTERM)
    code, _, stderr = finish(process)
    assert code != 0
    assert stderr.count("pix2style: interrupted; run the same command again with --resume") == 1
    last = max((run / "checkpoints").glob("step-*"))
    meta = json.loads((last / "meta.json").read_text())
    assert meta["step"] * 2 == meta["images_seen"]
    assert len(torch.load(last / "trainer.pt", weights_only=True)["rng_cpu"]) == 2
