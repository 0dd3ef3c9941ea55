"""`train.minutes` limits a run by the clock: schedule, end, resuming and extending, with a clock that tests turn."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from matrix import assert_same_end, checkpoints, copy_interrupted_at, metrics

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.processes import process_start_s
from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder
from pix2style.training.distributed import World
from pix2style.training.run import clock, training_loop
from pix2style.training.run.signals import StopRequest
from pix2style.training.run.train import TrainOptions, train

Experiment = Callable[..., Config]
# 20 steps of 2 s, and 1 s that is kept for the exit of the program
BY_CLOCK = ("train.images=null", f"train.minutes={41 / 60}", "train.checkpoint_every_images=16", "train.keep_last=99")


class FakeClock:
    """A clock that only training steps turn."""

    def __init__(self, step_s: float) -> None:
        self.step_s, self.now_s = step_s, 100.0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def timed_step(*arguments: Any) -> Any:
            self.now_s += self.step_s
            return original(*arguments)

        original = training_loop.train_step
        monkeypatch.setattr(training_loop, "train_step", timed_step)
        monkeypatch.setattr(clock, "now_s", lambda: self.now_s)
        monkeypatch.setattr("pix2style.training.run.train.now_s", lambda: self.now_s)
        monkeypatch.setattr("pix2style.training.run.validation.validator.Validator.estimate_s", lambda _: 0.0)
        monkeypatch.setattr("pix2style.training.run.checkpoints.checkpointer.Checkpointer.estimate_s", lambda _: 0.0)


@pytest.fixture
def fake_clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(2.0)
    fake.install(monkeypatch)
    return fake


def shares(run: Path, name: str = "share") -> list[float]:
    return [line[name] for line in metrics(run) if name in line]


@pytest.mark.usefixtures("fake_clock")
def test_schedule_and_end_follow_the_clock(tmp_path: Path, experiment: Experiment) -> None:
    report = train(experiment(*BY_CLOCK, "train.decay_from=0.5"), tmp_path / "run")
    assert (report.step, report.images_seen, report.ended_by) == (20, 80, "minutes")
    assert not report.stopped_early
    assert shares(tmp_path / "run") == pytest.approx([step / 20 for step in range(20)])
    assert shares(tmp_path / "run", "lr_share") == pytest.approx([min(1, 2 - step / 10) for step in range(20)])


@pytest.mark.usefixtures("fake_clock")
def test_losses_begin_at_their_share_of_the_time(tmp_path: Path, experiment: Experiment) -> None:
    config = experiment(*BY_CLOCK, "losses.adversarial={weight: 1, start_share: 0.5}")
    train(config, tmp_path / "run")
    lines = [line for line in metrics(tmp_path / "run") if "share" in line]
    assert [line["step"] for line in lines if "generator/adversarial" in line] == list(range(11, 21))


def test_a_slower_machine_sees_fewer_images(tmp_path: Path, experiment: Experiment, fake_clock: FakeClock) -> None:
    fake_clock.step_s = 5.0
    report = train(experiment(*BY_CLOCK, "train.decay_from=0"), tmp_path / "run")
    assert report.step == 8
    assert shares(tmp_path / "run", "lr_share")[-1] == pytest.approx(1 - 35 / 40)


@pytest.mark.usefixtures("fake_clock")
def test_the_time_before_the_call_counts(tmp_path: Path, experiment: Experiment, fake_clock: FakeClock) -> None:
    report = train(experiment(*BY_CLOCK), tmp_path / "run", options=TrainOptions(began_s=fake_clock.now_s - 20))
    assert report.step == 10


@pytest.mark.usefixtures("fake_clock")
@pytest.mark.parametrize("images", [40, 1000])
def test_with_both_limits_the_first_one_ends_the_run(tmp_path: Path, experiment: Experiment, images: int) -> None:
    report = train(experiment(*BY_CLOCK, f"train.images={images}"), tmp_path / "run")
    assert (report.step, report.ended_by) == ((10, "images") if images == 40 else (20, "minutes"))
    assert shares(tmp_path / "run")[-1] == pytest.approx(0.9 if images == 40 else 0.95)


@pytest.mark.usefixtures("fake_clock")
def test_a_limit_too_short_for_a_step_trains_one(tmp_path: Path, experiment: Experiment) -> None:
    assert train(experiment(*BY_CLOCK, "train.minutes=0.001"), tmp_path / "run").step == 1


@pytest.mark.usefixtures("fake_clock")
@pytest.mark.parametrize("step", [4, 12])
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, experiment: Experiment, step: int) -> None:
    config = experiment(
        *BY_CLOCK,
        "losses.adversarial={weight: 1, start_share: 0.3, ramp_share: 0.4}",
        "train.validate_every_images=24",
        "train.augment.color_jitter=0.2",
    )
    train(config, tmp_path / "whole")
    copy_interrupted_at(tmp_path / "whole", f"step-{step:07d}", tmp_path / "killed")
    train(config, tmp_path / "killed", resume=True)
    assert_same_end(tmp_path / "whole", tmp_path / "killed")
    metas = [
        CheckpointMeta.read(tmp_path / run / "checkpoints/step-0000020" / META_FILE) for run in ("whole", "killed")
    ]
    assert metas[0].elapsed_s == metas[1].elapsed_s == pytest.approx(41)


@pytest.mark.usefixtures("fake_clock")
def test_an_ended_run_has_nothing_left_to_do(tmp_path: Path, experiment: Experiment) -> None:
    train(experiment(*BY_CLOCK), tmp_path / "run")
    assert train(experiment(*BY_CLOCK), tmp_path / "run", resume=True).step == 20


@pytest.mark.usefixtures("fake_clock")
def test_an_ended_run_goes_on_with_more_minutes(tmp_path: Path, experiment: Experiment) -> None:
    late = "losses.adversarial={weight: 1, start_share: 0.5}"
    train(experiment(*BY_CLOCK, late), tmp_path / "run")
    longer = experiment(*BY_CLOCK, late, f"train.minutes={81 / 60}")
    report = train(longer, tmp_path / "run", resume=True)
    assert (report.step, report.elapsed_s) == (39, pytest.approx(81))
    assert RunFolder(tmp_path / "run").config.train.minutes == pytest.approx(81 / 60)
    lines = [line for line in metrics(tmp_path / "run") if "share" in line]
    assert lines[19]["lr_share"] == pytest.approx(0.1)
    assert lines[20]["lr_share"] == pytest.approx(78 / 80), "the new schedule is half done"
    assert all("generator/adversarial" in line for line in lines[10:]), "a loss that has begun stays"


@pytest.mark.usefixtures("fake_clock")
def test_a_run_by_images_goes_on_by_minutes(tmp_path: Path, experiment: Experiment) -> None:
    assert train(experiment(), tmp_path / "run").elapsed_s == pytest.approx(24)
    assert train(experiment(*BY_CLOCK), tmp_path / "run", resume=True).step == 20


def test_start_share_counts_images_too(tmp_path: Path, experiment: Experiment) -> None:
    train(experiment("losses.adversarial={weight: 1, start_share: 0.5}"), tmp_path / "share")
    train(experiment("losses.adversarial={weight: 1, start_images: 24}"), tmp_path / "images")
    assert_same_end(tmp_path / "images", tmp_path / "share")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.images=null", r"train.*images and minutes are both null"),
        ("train.minutes=0", r"train -> minutes"),
        ("losses.features={start_images: 4, start_share: 0.5}", r"start_images and start_share cannot both be set"),
        ("losses.adversarial={start_images: 4, start_share: 0.5}", r"start_images and start_share cannot both be set"),
        ("losses.adversarial={start_share: 0.5, ramp_images: 4}", r"ramp_images goes with start_images"),
        ("losses.adversarial={start_images: 4, ramp_share: 0.1}", r"ramp_share goes with start_share"),
        ("losses.adversarial={start_share: 1.5}", r"start_share"),
    ],
)
def test_lengths_that_contradict_each_other_are_refused(experiment: Experiment, change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        experiment(change)


def test_a_real_clock_ends_the_run(tmp_path: Path, experiment: Experiment) -> None:
    """Only the lower limit is tested, because the machine may be busy."""
    start_s = time.monotonic()
    report = train(experiment("train.images=null", "train.minutes=0.1", "train.log_every=100"), tmp_path / "run")
    assert report.ended_by == "minutes"
    assert report.step >= 1
    assert time.monotonic() - start_s > 2
    meta = json.loads((tmp_path / "run/checkpoints" / checkpoints(tmp_path / "run")[-1] / META_FILE).read_text())
    assert meta["validation_s"] > 0


def test_the_start_of_the_process_lies_in_the_past() -> None:
    assert 0 <= time.monotonic() - process_start_s() < 24 * 3600


def test_ctrl_c_can_return_the_report(tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupting_step(state: Any, *arguments: Any) -> Any:
        if state.step == 3:
            os.kill(os.getpid(), signal.SIGINT)
            assert received.wait(100), "another thread receives the signal"
        return original(state, *arguments)

    def note_signal(request: StopRequest, number: int) -> None:
        handle_signal(request, number)
        received.set()

    original, handle_signal, received = training_loop.train_step, StopRequest.handle_signal, threading.Event()
    monkeypatch.setattr(StopRequest, "handle_signal", note_signal)
    monkeypatch.setattr(training_loop, "train_step", interrupting_step)
    report = train(experiment(), tmp_path / "run", options=TrainOptions(return_if_stopped=True))
    assert (report.step, report.ended_by, report.stopped_early) == (4, "interrupted", True)
    assert checkpoints(tmp_path / "run") == ["step-0000004"]
    assert train(experiment(), tmp_path / "run", resume=True).step == 12


def test_what_is_due_near_the_limit_follows_the_main_processes_step(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process whose own step took longer must not decide alone: validations are work of all processes together."""
    FakeClock(2.0).install(monkeypatch)
    decided_by: list[float] = []
    original = training_loop.TrainingLoop._is_due

    def remember(loop: training_loop.TrainingLoop, every_images: int) -> bool:
        decided_by.append(loop._step_s)
        return original(loop, every_images)

    def of_the_main_process(_world: World, numbers: Sequence[float]) -> list[float]:
        elapsed_s, _own_step_s, *ends_s = numbers
        return [elapsed_s, 0.5, *ends_s]

    monkeypatch.setattr(training_loop.TrainingLoop, "_is_due", remember)
    monkeypatch.setattr(World, "broadcast_numbers", of_the_main_process)
    train(experiment(*BY_CLOCK), tmp_path / "run")
    assert set(decided_by) == {0.5}
