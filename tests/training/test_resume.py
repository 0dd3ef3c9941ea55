"""Resume equals an uninterrupted run, bit for bit, wherever it was interrupted (complaint 5)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pix2style.config import Config
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.pairs.reader import PairReader
from pix2style.training.loop import train

TIMING = {"images_per_s"}


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
    last = checkpoints(one)[-1]
    assert checkpoints(other)[-1] == last
    for name in ("generator.safetensors", "generator.ema.safetensors", "discriminator.safetensors", "meta.json"):
        a, b = (run / "checkpoints" / last / name for run in (one, other))
        assert a.is_file() == b.is_file()
        assert not a.is_file() or a.read_bytes() == b.read_bytes(), name
    a, b = (torch.load(run / "checkpoints" / last / "trainer.pt", weights_only=True) for run in (one, other))
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert metrics(one) == metrics(other)


def metrics(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]


def epoch_images(config: Config) -> int:
    assert config.pairs.path is not None
    return len(PairReader(config.pairs.path).entries("train"))


@pytest.mark.parametrize("generator", ["lite", "unet", "unet-2017"])
def test_resumed_equals_uninterrupted(tmp_path: Path, experiment: Callable[..., Config], generator: str) -> None:
    n = epoch_images(experiment())
    # a checkpoint after every step of one picture: mid-epoch, at the epoch's end, past it, and at the very end
    config = experiment(
        f"model.generator={generator}",
        f"train.images={n + 4}",
        "train.batch=1",
        "train.checkpoint_every_images=1",
        "train.validate_every_images=8",
        "train.validate_photos=1",
        "train.keep_checkpoints=1000",
        "losses.adversarial.start_images=3",
        "train.augment.color_jitter=0.2",
    )
    whole = tmp_path / "whole"
    train(config, whole)
    for step in (n // 2, n, n + 1, n + 4):
        run = interrupted_at(whole, f"step-{step:07d}", tmp_path / f"from-{step}")
        train(config, run, resume=True)
        assert_same_end(whole, run)


def test_worker_count_changes_nothing(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment(), tmp_path / "none")
    train(experiment("train.workers=2"), tmp_path / "two")
    train(experiment("train.decoded_cache_gb=0"), tmp_path / "decoding")
    assert_same_end(tmp_path / "none", tmp_path / "two")
    assert_same_end(tmp_path / "none", tmp_path / "decoding")


def test_another_seed_changes_the_weights(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment(), tmp_path / "a")
    train(experiment("seed=1"), tmp_path / "b")
    a, b = (tmp_path / run / "checkpoints/step-0000012/generator.safetensors" for run in "ab")
    assert a.read_bytes() != b.read_bytes()


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sums depend on how many threads share them: give this process and the one it starts the same number."""
    threads = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def start(config: Config, run: Path, tmp_path: Path) -> subprocess.Popen[bytes]:
    import yaml

    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    command = [
        sys.executable,
        "-m",
        "pix2style",
        "train",
        "--config",
        str(file),
        "--out",
        str(run),
        "--resume-if-begun",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_a_real_kill_loses_nothing(tmp_path: Path, experiment: Callable[..., Config], kind: signal.Signals) -> None:
    config = experiment("train.images=1200", "train.batch=2", "train.checkpoint_every_images=100")
    run = tmp_path / "killed"
    process = start(config, run, tmp_path)
    wait_for(run / "checkpoints" / "latest", process)
    os.kill(process.pid, kind)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (-9 if kind == signal.SIGKILL else 130), said
    assert checkpoints(run)[-1] < "step-0000600", "the kill came too late to show anything"
    train(config, run, resume=True)
    train(config, tmp_path / "whole")
    assert_same_end(tmp_path / "whole", run)
    assert not list((run / "checkpoints").glob(".*")), "nothing half-written stays"


def test_what_cannot_go_on_is_refused(tmp_path: Path, experiment: Callable[..., Config], pair_set: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(ArtifactError, match="no run to resume"):
        train(experiment(), run, resume=True)
    train(experiment(), run)
    with pytest.raises(ConfigError, match="--resume"):
        train(experiment(), run)
    with pytest.raises(ConfigError, match=r"losses\.l1 was 10\.0, is now 20\.0"):
        train(experiment("losses.l1=20"), run, resume=True)
    (run / "checkpoints/step-0000012/generator.safetensors").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=r"generator\.safetensors"):
        train(experiment(), run, resume=True)


def test_other_pairs_are_refused(tmp_path: Path, experiment: Callable[..., Config], pair_set: Path) -> None:
    run = tmp_path / "run"
    train(experiment(), run)
    meta = run / "checkpoints/step-0000012/meta.json"
    meta.write_text(meta.read_text().replace(PairReader(pair_set).digest, "0" * 64))
    with pytest.raises(DataError, match="another pair set"):
        train(experiment("train.images=60"), run, resume=True)


def test_a_longer_training_may_go_on(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    run = tmp_path / "run"
    train(experiment(), run)
    assert train(experiment("train.images=60"), run, resume=True).step == 15
