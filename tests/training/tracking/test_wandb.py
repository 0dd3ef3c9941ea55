"""Weights & Biases must neither stop nor block a run, whatever its server does."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from wandb_client import KEY, wandb_sync
from wandb_server import WandbServer

from pix2style.config import Config
from pix2style.config.train import TrackingConfig
from pix2style.training.run.train import train
from pix2style.training.tracking import PairSetReference, TrackedRun, start_trackers, wandb_tracker

PAIRS = PairSetReference("ab" * 32, {"training": 3})
pytestmark = pytest.mark.usefixtures("own_wandb")


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_tracker, "_FINISH_TIMEOUT_S", 3)


def test_offline_writes_a_run_that_can_be_sent_later(
    tmp_path: Path, experiment: Callable[..., Config], capsys: pytest.CaptureFixture[str]
) -> None:
    report = train(experiment("tracking.wandb=offline"), tmp_path / "run")
    assert report.step == 12
    [written] = (tmp_path / "run/wandb").glob("offline-run-*/*.wandb")
    meta = json.loads((tmp_path / "run/checkpoints/step-0000012/meta.json").read_text())
    assert written.stem == f"run-{meta['wandb_id']}"
    errors = capsys.readouterr().err
    assert f"note: W&B: the run {meta['wandb_id']} was recorded offline" in errors
    assert f"next: wandb sync {written.parent}\n" in errors


def test_online_without_a_key_continues_offline(
    tmp_path: Path, wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    _track(tmp_path)
    assert "going on offline" in capfd.readouterr().err
    _check_files_are_complete(tmp_path, "offline-run-*")


def test_online_without_a_network_continues_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    _track(tmp_path)
    assert "going on offline" in capfd.readouterr().err
    _check_files_are_complete(tmp_path, "offline-run-*")


@pytest.mark.usefixtures("short_timeouts")
def test_online_with_a_silent_server_continues_offline(
    tmp_path: Path, wandb_server: WandbServer, capfd: pytest.CaptureFixture[str]
) -> None:
    wandb_server.silent.set()
    _track(tmp_path, at_most_s=80)  # W&B's own time limit is 90 s
    assert "going on offline" in capfd.readouterr().err
    _check_files_are_complete(tmp_path, "offline-run-*")


def test_online_the_server_receives_every_line(tmp_path: Path, wandb_server: WandbServer) -> None:
    _track(tmp_path)
    lines = [line for line in wandb_server.history() if "generator/total" in line]
    assert [line["trainer/step"] for line in lines] == list(range(20))
    [summary] = [
        json.loads(body) for method, path, body in wandb_server.requests if path.endswith("wandb-summary.json")
    ]
    assert summary["best_l1"] == 5
    assert summary["validation/l1_levels"]["min"] == 5


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize("what", ["falls silent", "stops"])
def test_metrics_are_complete_if_the_server_fails_during_the_run(
    tmp_path: Path, wandb_server: WandbServer, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        wandb_server.silent.set() if what == "falls silent" else wandb_server.stop()

    _track(tmp_path, in_the_middle=fail)
    _check_files_are_complete(tmp_path, "run-*")
    assert "wandb sync" in capfd.readouterr().err


@pytest.mark.usefixtures("short_timeouts")
def test_the_command_in_the_warning_sends_the_rest(
    tmp_path: Path, wandb_server: WandbServer, capfd: pytest.CaptureFixture[str]
) -> None:
    _track(tmp_path, in_the_middle=wandb_server.silent.set)
    command = re.search(r"later: wandb sync (\S.*)", capfd.readouterr().err)
    assert command
    wandb_server.requests.clear()
    wandb_server.answer_again()
    wandb_sync(*command[1].split())
    assert [line["trainer/step"] for line in wandb_server.history()] == list(range(20))


def test_an_offline_run_can_be_synced(tmp_path: Path, wandb_server: WandbServer) -> None:
    _track(tmp_path, tracking=TrackingConfig(wandb="offline", artifacts=False))
    assert wandb_server.requests == []
    wandb_sync(*tmp_path.glob("run/wandb/offline-run-*"))
    lines = [line for line in wandb_server.history() if "generator/total" in line]
    assert [line["trainer/step"] for line in lines] == list(range(20))
    assert "UpsertBucket" in wandb_server.operations()


def test_offline_artifacts_are_in_the_run(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment("tracking.wandb=offline"), tmp_path / "run")
    [written] = (tmp_path / "run/wandb").glob("offline-run-*/*.wandb")
    data = written.read_bytes()
    digest = json.loads((tmp_path / "run/checkpoints/step-0000012/meta.json").read_text())["pairs_sha256"]
    assert f"pairs-{digest[:12]}".encode() in data
    assert b"model-" in data
    assert b"generator.ema.safetensors" in data


def _track(
    tmp_path: Path,
    *,
    at_most_s: float = 200,
    tracking: TrackingConfig | None = None,
    in_the_middle: Callable[[], None] = lambda: None,
) -> None:
    """Start trackers, log twenty steps and close; assert that it takes `at_most_s`, and logging no long part of it."""
    began = time.monotonic()
    run = TrackedRun(tmp_path / "run", "tiny", {"name": "tiny"}, pairs=PAIRS)
    trackers = start_trackers(run, tracking or TrackingConfig(wandb="online", artifacts=False))
    logging_s = 0.0
    for step in range(20):
        if step == 10:
            in_the_middle()
        tick = time.monotonic()
        trackers.log(step, {"generator/total": float(step), "validation/l1_levels": 5.0 + abs(step - 7)})
        logging_s += time.monotonic() - tick
    assert logging_s < 20, "logging waited for the server"
    trackers.close({"best_l1": 5})
    assert time.monotonic() - began < at_most_s
    assert not [thread for thread in threading.enumerate() if thread.name == "WandbTracker"]


def _check_files_are_complete(tmp_path: Path, folder: str) -> None:
    """Assert that metrics.jsonl has every line, and that there is a file for `wandb sync`."""
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(20))
    assert list((tmp_path / "run/wandb").glob(f"{folder}/*.wandb"))


def test_proxies_of_an_earlier_urlopen_are_not_used(wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = urllib.request.build_opener(urllib.request.ProxyHandler({"http": "http://127.0.0.1:9"}))
    monkeypatch.setattr(urllib.request, "_opener", unreachable)  # urlopen() keeps the opener of its first call
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(wandb_server.url, timeout=5)
    wandb_tracker._check_server(wandb_server.url)
