"""Trackers must neither stop nor slow a run: metrics.jsonl, groups of trackers, and trackers in threads."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from pix2style.config import Config
from pix2style.config.train import TrackingConfig
from pix2style.errors import ConfigError, MissingExtraError
from pix2style.training.run.train import train
from pix2style.training.run.validation.validate import ValidationMetrics
from pix2style.training.tracking import (
    BackgroundTracker,
    JsonLinesTracker,
    Trackers,
    check_trackers,
    metric_history,
    step_metrics,
)

BLOCKED_S = 200  # longer than any test waits


class RecordingTracker:
    """Records the calls. It can raise an exception at a step, or block until `unblocked` is set."""

    run_id = "recorded"

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.steps: list[int] = []
        self.summary: Mapping[str, Any] | None = None
        self.unblocked = threading.Event()
        self.unblocked.set()
        self._fails_at = fails_at

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.unblocked.wait(BLOCKED_S)
        if step == self._fails_at:
            raise RuntimeError("no more paper")
        self.steps.append(step)

    def log_image(self, step: int, name: str, path: Path) -> None:
        self.log(step, {})

    def close(self, summary: Mapping[str, Any]) -> None:
        self.unblocked.wait(BLOCKED_S)
        self.summary = summary


def test_a_background_tracker_gets_all_calls_in_order_and_the_summary_last(tmp_path: Path) -> None:
    recorder = RecordingTracker()
    tracker = BackgroundTracker(recorder)
    for step in range(200):
        tracker.log(step, {"x": 1.0}) if step % 3 else tracker.log_image(step, "grid", tmp_path)
    tracker.close({"best": 1})
    assert recorder.steps == list(range(200))
    assert recorder.summary == {"best": 1}
    assert tracker.dropped == 0
    assert tracker.run_id == "recorded"


def test_metrics_are_those_at_the_time_of_the_call(tmp_path: Path) -> None:
    """The caller may change its dictionary while the call waits in the queue."""
    logged: list[Mapping[str, float]] = []

    class KeepsReferences(RecordingTracker):
        def log(self, step: int, metrics: Mapping[str, float]) -> None:
            self.unblocked.wait(BLOCKED_S)
            logged.append(metrics)

    recorder = KeepsReferences()
    recorder.unblocked.clear()
    tracker, metrics = BackgroundTracker(recorder), {"x": 1.0}
    tracker.log(1, metrics)
    metrics["x"] = 2.0
    recorder.unblocked.set()
    tracker.close({})
    assert logged == [{"x": 1.0}]


def test_a_slow_tracker_delays_no_step_and_dropped_calls_are_counted(capfd: pytest.CaptureFixture[str]) -> None:
    recorder = RecordingTracker()
    recorder.unblocked.clear()
    tracker = BackgroundTracker(recorder, capacity=10, close_timeout_s=BLOCKED_S)
    for step in range(100):
        tracker.log(step, {"x": 1.0})
    assert recorder.steps == [], "logging waited for the tracker"
    assert tracker.dropped in (89, 90)  # 10 wait in the queue, and the tracker may be busy with one
    recorder.unblocked.set()
    tracker.close({})
    assert recorder.steps == list(range(100 - tracker.dropped))
    assert f"{tracker.dropped} lines were dropped" in capfd.readouterr().err


def test_close_has_a_time_limit(capfd: pytest.CaptureFixture[str]) -> None:
    recorder = RecordingTracker()
    recorder.unblocked.clear()
    for full in (False, True):
        tracker = BackgroundTracker(recorder, capacity=2, close_timeout_s=0.3)
        for step in range(5 if full else 1):
            tracker.log(step, {})
        Trackers([tracker]).close({})
        assert (recorder.steps, recorder.summary) == ([], None), "close waited for the tracker"
        assert "did not end within" in capfd.readouterr().err
    recorder.unblocked.set()


def test_a_failure_in_a_thread_is_reported_once(capfd: pytest.CaptureFixture[str]) -> None:
    failing, working = RecordingTracker(fails_at=1), RecordingTracker()
    trackers = Trackers([BackgroundTracker(failing), BackgroundTracker(working)])
    for step in range(50):
        trackers.log(step, {})
        time.sleep(0.002)
    trackers.close({})
    assert failing.steps == [0]
    assert working.steps == list(range(50))
    assert working.summary == {}
    stderr = capfd.readouterr().err
    assert stderr.count("no more paper") == 1
    assert "is not used any more in this run" in stderr


def test_a_tracker_that_fails_is_removed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken, working = (JsonLinesTracker(tmp_path / f"{name}.jsonl", resume_step=0) for name in ("broken", "working"))
    broken.close({})  # writing to it fails from here on
    trackers = Trackers([broken, working])
    trackers.log(1, {"x": 1.0})
    trackers.log(2, {"x": 2.0})
    trackers.close({})
    assert (tmp_path / "working.jsonl").read_text().count("\n") == 2
    assert capfd.readouterr().err.count("failed and is not used any more in this run") == 1


def test_resuming_removes_lines_of_later_steps(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "x": 1}\n{"step": 2, "x": 2}\n{"step": 3, "x"')
    tracker = JsonLinesTracker(path, resume_step=1)
    tracker.log(2, {"x": 5.0})
    tracker.close({})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 1, "x": 1}, {"step": 2, "x": 5.0}]


def test_metric_history_returns_the_values_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert metric_history(path, "validation/ssim", up_to_step=9) == []
    tracker = JsonLinesTracker(path, resume_step=0)
    for step, value in enumerate((0.1, 0.2, 0.3), start=1):
        tracker.log(step, {"x": 1.0})
        tracker.log(step, ValidationMetrics(1.0, 2.0, value, 3).by_logged_name())
    # not closed, as if the process had been killed
    assert metric_history(path, "validation/ssim", up_to_step=2) == [0.1, 0.2]
    assert metric_history(path, "validation/psnr_db", up_to_step=9) == [2.0, 2.0, 2.0]
    path.write_text(path.read_text() + '[1, 2]\n{"step": 1, "valid')
    assert metric_history(path, "validation/ssim", up_to_step=9) == [0.1, 0.2, 0.3]


def test_early_stopping_ends_a_run_and_resuming_it_trains_no_further(
    tmp_path: Path, experiment: Callable[..., Config]
) -> None:
    changes = ["train.early_stop.patience=2", "train.early_stop.min_gain=1000", "train.validate_every_images=4"]
    config = experiment(*changes)
    first = train(config, tmp_path / "run")
    # The first validation is the best one, and the next two bring no gain.
    assert (first.stopped_early, first.step) == (True, 3)
    again = train(config, tmp_path / "run", resume=True)
    assert (again.stopped_early, again.step) == (True, 3)
    longer = train(experiment(*changes, "train.early_stop.patience=null"), tmp_path / "run", resume=True)
    assert (longer.stopped_early, longer.step) == (False, 12)


@dataclass(frozen=True)
class Losses:
    total: torch.Tensor
    style: torch.Tensor | None


def test_step_metrics() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    metrics = step_metrics(
        {
            "generator": Losses(torch.tensor(2.0, requires_grad=True), None),
            "discriminator": None,
            "generator/gradient_norm": torch.tensor([0.5]),
        },
        {"generator": torch.optim.Adam([weight], lr=0.25), "discriminator": None},
        torch.device("cpu"),
    )
    assert 0.01 < metrics.pop("memory_gb") < 1000
    assert metrics == {"generator/total": 2.0, "generator/gradient_norm": 0.5, "generator/lr": 0.25}


def test_a_run_logs_losses_rates_norms_speed_and_memory(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment("train.images=8"), tmp_path / "run")
    line = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[0])
    expected = {"generator/total", "generator/l1", "generator/adversarial", "discriminator/total", "generator/lr"}
    expected |= {"discriminator/lr", "generator/gradient_norm", "discriminator/gradient_norm", "images_per_s"}
    assert expected | {"memory_gb", "images_seen", "step"} <= line.keys()


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is not None, reason="TensorBoard is installed")
def test_missing_tensorboard_is_reported_before_anything_is_written(
    tmp_path: Path, experiment: Callable[..., Config]
) -> None:
    with pytest.raises(MissingExtraError, match=r"\[tensorboard\]"):
        train(experiment("tracking.tensorboard=true"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tensorboard_gets_metrics_and_grids(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(experiment("tracking.tensorboard=true"), tmp_path / "run")
    accumulator = events.EventAccumulator(str(tmp_path / "run/tensorboard"))
    accumulator.Reload()
    assert [event.step for event in accumulator.Scalars("generator/l1")] == list(range(1, 13))
    assert accumulator.Images("validation/grid")[-1].step == 12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"project": "a/b"}, r"tracking -> project\] W&B takes no '/' in 'a/b'"),
        ({"project": "50%?"}, r"tracking -> project\] W&B takes no '%' '\?'"),
        ({"project": "p" * 129}, r"tracking -> project\] .* 128 characters, not 'pppp.*129"),
        ({"entity": "team/project"}, r"tracking -> entity\] W&B takes no '/'"),
        ({"tags": ["a", "t" * 65]}, r"tracking -> tags\] .* 1 to 64 characters, not 'ttt.*65"),
        ({"tags": [""]}, r"tracking -> tags\] .* not ''"),
    ],
)
def test_names_that_wandb_refuses_are_refused_before_the_run(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_trackers(TrackingConfig.model_validate({"wandb": "offline", **settings}))
    check_trackers(TrackingConfig.model_validate(settings))  # W&B is off


def test_names_that_wandb_takes_are_taken() -> None:
    check_trackers(TrackingConfig(wandb="offline", project="p" * 128, entity="my-team", tags=("t" * 64, "a/b: c")))
