"""Complaint 16: a tracker must neither stop nor block a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.config import Config
from pix2style.training.loop import train
from pix2style.training.tracking import JsonLines, Trackers


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "wandb-cache"))


@pytest.mark.usefixtures("no_network")
def test_offline_writes_a_run_that_can_be_sent_later(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    report = train(experiment("tracking.wandb=offline"), tmp_path / "run")
    assert report.step == 12
    assert list((tmp_path / "run/wandb").glob("offline-run-*/*.wandb"))
    meta = json.loads((tmp_path / "run/checkpoints/step-0000012/meta.json").read_text())
    assert meta["wandb_id"]


@pytest.mark.usefixtures("no_network")
def test_online_without_a_key_goes_on_offline_and_says_so(
    tmp_path: Path, experiment: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    report = train(experiment("tracking.wandb=online"), tmp_path / "run")
    assert report.step == 12
    assert time.monotonic() - began < 60
    assert "going on offline" in capfd.readouterr().err
    assert (tmp_path / "run/metrics.jsonl").read_text().count("\n") >= 12


def test_a_tracker_that_fails_is_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken, whole = (JsonLines(tmp_path / f"{name}.jsonl", resume_step=0) for name in ("broken", "whole"))
    broken.close({})  # writing to it fails from here on
    trackers = Trackers([broken, whole])
    trackers.log(1, {"x": 1.0})
    trackers.log(2, {"x": 2.0})
    trackers.close({})
    assert (tmp_path / "whole.jsonl").read_text().count("\n") == 2
    assert capfd.readouterr().err.count("failed and is left out") == 1


def test_resumed_metrics_drop_what_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "x": 1}\n{"step": 2, "x": 2}\n{"step": 3, "x"')
    tracker = JsonLines(path, resume_step=1)
    tracker.log(2, {"x": 5.0})
    tracker.close({})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 1, "x": 1}, {"step": 2, "x": 5.0}]
