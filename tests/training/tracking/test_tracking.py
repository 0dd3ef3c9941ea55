"""metrics.jsonl, several trackers as one, and trackers in threads: they must neither stop nor slow a run."""

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
from pix2style.errors import MissingExtraError
from pix2style.training.run.train import train
from pix2style.training.run.validation import ValidationReport
from pix2style.training.tracking import BackgroundTracker, JsonLinesTracker, Trackers, metric_history, step_metrics


class Heard:
    """A real tracker that may be slow, fail, or wait until it is let go."""

    run_id = "heard"

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.steps: list[int] = []
        self.summary: Mapping[str, Any] | None = None
        self.go = threading.Event()
        self.go.set()
        self._fails_at = fails_at

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        self.go.wait(20)
        if step == self._fails_at:
            raise RuntimeError("no more paper")
        self.steps.append(step)

    def log_image(self, step: int, name: str, path: Path) -> None:
        self.log(step, {})

    def close(self, summary: Mapping[str, Any]) -> None:
        self.go.wait(20)
        self.summary = summary


def test_a_thread_hears_everything_in_order_and_the_summary_last(tmp_path: Path) -> None:
    heard = Heard()
    tracker = BackgroundTracker(heard)
    for step in range(200):
        tracker.log(step, {"x": 1.0}) if step % 3 else tracker.log_image(step, "grid", tmp_path)
    tracker.close({"best": 1})
    assert heard.steps == list(range(200))
    assert heard.summary == {"best": 1}
    assert tracker.dropped == 0
    assert tracker.run_id == "heard"


def test_figures_are_those_of_the_call(tmp_path: Path) -> None:
    """The caller may go on with its dictionary while the line waits."""
    heard: list[Mapping[str, float]] = []

    class Keeps(Heard):
        def log(self, step: int, figures: Mapping[str, float]) -> None:
            self.go.wait(20)
            heard.append(figures)

    keeps = Keeps()
    keeps.go.clear()
    tracker, figures = BackgroundTracker(keeps), {"x": 1.0}
    tracker.log(1, figures)
    figures["x"] = 2.0
    keeps.go.set()
    tracker.close({})
    assert heard == [{"x": 1.0}]


def test_a_slow_tracker_slows_no_step_and_what_it_misses_is_counted(capfd: pytest.CaptureFixture[str]) -> None:
    heard = Heard()
    heard.go.clear()
    tracker = BackgroundTracker(heard, capacity=10, close_timeout_s=20)
    began = time.monotonic()
    for step in range(100):
        tracker.log(step, {"x": 1.0})
    assert time.monotonic() - began < 5
    assert tracker.dropped in (89, 90)  # 10 wait, and one may be in the tracker's hands
    heard.go.set()
    tracker.close({})
    assert heard.steps == list(range(100 - tracker.dropped))
    assert f"{tracker.dropped} lines were dropped" in capfd.readouterr().err


def test_close_waits_only_so_long(capfd: pytest.CaptureFixture[str]) -> None:
    heard = Heard()
    heard.go.clear()
    for full in (False, True):
        tracker = BackgroundTracker(heard, capacity=2, close_timeout_s=0.3)
        for step in range(5 if full else 1):
            tracker.log(step, {})
        began = time.monotonic()
        Trackers([tracker]).close({})
        assert time.monotonic() - began < 5
        assert "did not end within" in capfd.readouterr().err
    heard.go.set()


def test_what_fails_in_a_thread_is_said_once_and_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    heard, well = Heard(fails_at=1), Heard()
    trackers = Trackers([BackgroundTracker(heard), BackgroundTracker(well)])
    for step in range(50):
        trackers.log(step, {})
        time.sleep(0.002)
    trackers.close({})
    assert heard.steps == [0]
    assert well.steps == list(range(50))
    assert well.summary == {}
    said = capfd.readouterr().err
    assert said.count("no more paper") == 1
    assert "left out" in said


def test_a_tracker_that_fails_is_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken, whole = (JsonLinesTracker(tmp_path / f"{name}.jsonl", resume_step=0) for name in ("broken", "whole"))
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
    tracker = JsonLinesTracker(path, resume_step=1)
    tracker.log(2, {"x": 5.0})
    tracker.close({})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 1, "x": 1}, {"step": 2, "x": 5.0}]


def test_history_is_what_early_stopping_replays(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert metric_history(path, "validation/ssim", up_to_step=9) == []
    tracker = JsonLinesTracker(path, resume_step=0)
    for step, figure in enumerate((0.1, 0.2, 0.3), start=1):
        tracker.log(step, {"x": 1.0})
        tracker.log(step, ValidationReport(1.0, 2.0, figure, 3).figures())
    # not closed: a kill would leave the file like this
    assert metric_history(path, "validation/ssim", up_to_step=2) == [0.1, 0.2]
    assert metric_history(path, "validation/psnr_db", up_to_step=9) == [2.0, 2.0, 2.0]
    path.write_text(path.read_text() + '[1, 2]\n{"step": 1, "valid')
    assert metric_history(path, "validation/ssim", up_to_step=9) == [0.1, 0.2, 0.3]


def test_early_stop_ends_a_run_and_resuming_it_learns_no_more(
    tmp_path: Path, experiment: Callable[..., Config]
) -> None:
    changes = ["train.early_stop.patience=2", "train.early_stop.min_gain=1000", "train.validate_every_images=4"]
    config = experiment(*changes)
    first = train(config, tmp_path / "run")
    assert (first.stopped_early, first.step) == (True, 3)  # the first look is the best, two bring nothing
    again = train(config, tmp_path / "run", resume=True)
    assert (again.stopped_early, again.step) == (True, 3)
    longer = train(experiment(*changes, "train.early_stop.patience=null"), tmp_path / "run", resume=True)
    assert (longer.stopped_early, longer.step) == (False, 12)


@dataclass(frozen=True)
class Losses:
    total: torch.Tensor
    style: torch.Tensor | None


def test_step_figures() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    figures = step_metrics(
        {
            "generator": Losses(torch.tensor(2.0, requires_grad=True), None),
            "discriminator": None,
            "generator/gradient_norm": torch.tensor([0.5]),
        },
        {"generator": torch.optim.Adam([weight], lr=0.25), "discriminator": None},
        torch.device("cpu"),
    )
    assert 0.01 < figures.pop("memory_gb") < 1000
    assert figures == {"generator/total": 2.0, "generator/gradient_norm": 0.5, "generator/lr": 0.25}


def test_a_run_logs_what_people_look_for(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment("train.images=8"), tmp_path / "run")
    line = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[0])
    wanted = {"generator/total", "generator/l1", "generator/adversarial", "discriminator/total", "generator/lr"}
    wanted |= {"discriminator/lr", "generator/gradient_norm", "discriminator/gradient_norm", "images_per_s"}
    assert wanted | {"memory_gb", "images_seen", "step"} <= line.keys()


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is not None, reason="TensorBoard is installed")
def test_tensorboard_that_is_missing_is_said_before_anything_is_written(
    tmp_path: Path, experiment: Callable[..., Config]
) -> None:
    with pytest.raises(MissingExtraError, match=r"pix2style\[tensorboard\]"):
        train(experiment("tracking.tensorboard=true"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tensorboard_gets_figures_and_grids(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(experiment("tracking.tensorboard=true"), tmp_path / "run")
    written = events.EventAccumulator(str(tmp_path / "run/tensorboard"))
    written.Reload()
    assert [event.step for event in written.Scalars("generator/l1")] == list(range(1, 13))
    assert written.Images("validation/grid")[-1].step == 12
