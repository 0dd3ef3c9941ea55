"""Steps whose losses or gradients are not finite: skipped, counted and reported; too many of them end the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pix2style.config import Config
from pix2style.errors import TrainingError
from pix2style.training.batch import PairBatch
from pix2style.training.run.checkpoints.resume import find_newest_intact_checkpoint
from pix2style.training.run.train import train
from pix2style.training.step.build import build_state
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import train_step

Experiment = Callable[..., Config]


def batch_with(value: float) -> list[PairBatch]:
    noise = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return [PairBatch(noise * value, noise, None)]


def tensors_of(state: TrainingState) -> dict[str, torch.Tensor]:
    """All tensors that a step changes, except for counters."""
    assert state.discriminator is not None
    assert state.discriminator_optimizer is not None
    tensors = {f"g.{name}": value.clone() for name, value in state.generator.state_dict().items()}
    tensors |= {f"d.{name}": value.clone() for name, value in state.discriminator.state_dict().items()}
    for network, optimizer in (("g", state.generator_optimizer), ("d", state.discriminator_optimizer)):
        for number, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"{network}.{number}.{name}": value.clone() for name, value in moments.items()}
    return {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("model", ["lite", "unet-2017"])
def test_a_step_that_is_not_finite_changes_nothing(experiment: Experiment, model: str) -> None:
    """Weights, Adam's moments and step counts, and BatchNorm's running statistics."""
    config = experiment(f"model.generator={model}", "model.discriminator.norm=batch")
    state = build_state(config)
    train_step(state, batch_with(1.0), config.train)
    before = tensors_of(state)
    train_step(state, batch_with(float("nan")), config.train)
    after = tensors_of(state)
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
    skipped = state.nonfinite.read_skipped()
    assert (skipped.in_a_row, skipped.total, state.step, state.images_seen) == (1, 1, 2, 4)
    train_step(state, batch_with(1.0), config.train)
    assert state.nonfinite.read_skipped().in_a_row == 0
    assert not torch.equal(before["g.0.exp_avg"], tensors_of(state)["g.0.exp_avg"])


def test_nan_in_the_discriminator_does_not_spread_to_the_generator(experiment: Experiment) -> None:
    config = experiment("losses.adversarial.weight=1")
    state = build_state(config)
    assert state.discriminator is not None
    with torch.no_grad():
        next(state.discriminator.parameters())[0, 0, 0, 0] = float("nan")
    train_step(state, batch_with(1.0), config.train)
    skipped = state.nonfinite.read_skipped()
    assert skipped.new == 1
    assert {"discriminator/total", "generator/adversarial", "generator/total"} <= set(skipped.nonfinite_metrics)
    assert "generator/l1" not in skipped.nonfinite_metrics
    assert all(bool(torch.isfinite(p).all()) for p in state.generator.parameters())


def test_skipping_every_second_step_keeps_the_weights_finite(experiment: Experiment) -> None:
    config = experiment()
    state = build_state(config)
    for value in [float("nan"), 0.5] * 15:
        train_step(state, batch_with(value), config.train)
    assert all(bool(torch.isfinite(p).all()) for p in state.generator.parameters())
    assert (state.nonfinite.read_skipped().total, state.nonfinite.read_skipped().in_a_row) == (15, 0)


def explosive(experiment: Experiment, *changes: str) -> Config:
    """An experiment whose adversarial term is infinite from the fifth step on, because its weight is."""
    return experiment(
        "losses.adversarial.weight=1e39",  # more than a float32 holds
        "losses.adversarial.start_images=16",
        "train.skips_in_a_row=3",
        "train.checkpoint_every_images=8",
        *changes,
    )


def test_too_many_skipped_steps_end_the_run_with_a_dump_that_names_the_term(
    tmp_path: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"generator/.*not finite.*3 steps in a row"):
        train(explosive(experiment), run)
    [dump] = run.glob("not-finite-step-*.json")
    record = json.loads(dump.read_text())
    assert dump.name == "not-finite-step-0000007.json"
    assert record["step"] == 7
    assert record["skipped_in_a_row"] == 3
    assert "generator/total" in record["not_finite"]
    assert "discriminator/total" not in record["not_finite"]
    figures = record["figures_by_process"][0]
    assert figures["generator/total"] in ("inf", "nan")
    assert isinstance(figures["generator/l1"], float)
    assert isinstance(figures["discriminator/gradient_norm"], float)
    assert record["batch_positions"] == [24, 28]
    assert len(record["batch_photos"]) == 4
    said = capsys.readouterr().err
    assert "step 5: 1 step was skipped (1 so far): generator/" in said
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["skipped_steps"] for line in lines if "skipped_steps" in line] == [0, 0, 0, 0, 1, 2]


def test_a_checkpoint_holds_the_count_of_skipped_steps(tmp_path: Path, experiment: Experiment) -> None:
    run = tmp_path / "run"
    with pytest.raises(TrainingError):
        train(explosive(experiment), run)
    checkpoint = find_newest_intact_checkpoint(run)
    assert checkpoint is not None
    assert checkpoint.meta.step == 6
    with pytest.raises(TrainingError, match="steps in a row"):
        train(explosive(experiment), run, resume=True)  # with the restored counter, which is 2
    assert (run / "not-finite-step-0000007.json").is_file()


def test_reading_several_steps_at_once(experiment: Experiment) -> None:
    """The monitor counts on the device, so it can be read after any number of steps."""
    config = experiment()
    state = build_state(config)
    for _ in range(3):
        train_step(state, batch_with(float("nan")), config.train)
    skipped = state.nonfinite.read_skipped()
    assert (skipped.new, skipped.in_a_row) == (3, 3)
    assert "generator/l1" in skipped.nonfinite_metrics
    again = state.nonfinite.read_skipped()
    assert (again.new, again.nonfinite_metrics) == (0, ())
