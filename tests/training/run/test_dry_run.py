"""`train --dry-run` checks everything that a run needs, and writes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from pix2style.config import Config, parse_config
from pix2style.errors import ArtifactError, ConfigError, TrainingError
from pix2style.images import Picture, write_picture
from pix2style.training.data.sources import TrainingData
from pix2style.training.run import dry_run
from pix2style.training.run.dry_run import plan_run
from pix2style.training.run.train import train


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return modification time and size of all files."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def test_parameters_and_operations_of_a_network_that_can_be_counted_by_hand(
    tmp_path: Path, experiment: Callable[..., Config]
) -> None:
    changes = ["model.discriminator.kind=pixel", "model.discriminator.norm=none", "train.images=50"]
    plan = plan_run(experiment(*changes), tmp_path / "run", measure=False)
    # pixel: 1x1 convolutions 6 -> 4 -> 8 -> 1 over 32 x 32 pixels
    assert plan.discriminator is not None
    assert plan.discriminator.macs_per_picture == 32 * 32 * (6 * 4 + 4 * 8 + 8)
    assert plan.discriminator.parameters == (6 * 4 + 4) + (4 * 8 + 8) + (8 + 1)
    assert plan.features is None
    assert (plan.images, plan.batch, plan.steps) == (50, 4, 13)
    assert plan.epochs == pytest.approx(50 / plan.training_pairs)
    assert plan.decoded_bytes == plan.training_pairs * 2 * 48 * 48 * 3
    assert plan.images_per_s is None


def test_speed_and_memory_are_measured(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    plan = plan_run(experiment(), tmp_path / "run")
    assert plan.images_per_s is not None
    assert plan.seconds == pytest.approx(plan.images / plan.images_per_s)
    assert 10**7 < plan.memory_bytes < 10**11
    values = json.loads(json.dumps(plan.to_json()))
    assert values["networks"]["generator"]["parameters"] == values["parameters"] > 0
    assert values["generator"] == "lite"


def test_a_wrong_number_of_styles_is_refused(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"model\.styles=1"):
        plan_run(experiment("model.styles=2"), tmp_path / "run")


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("train.augment.crop=64", ConfigError, "larger than the smallest pair"),
        ("train.accumulate=3", ConfigError, "train -> batch"),
        ("model.start_from=nowhere", ArtifactError, "nowhere"),
        ("losses.content={weight: 1, layers: {relu9_9: 1}}", ConfigError, "relu9_9"),
    ],
)
def test_errors_of_the_run_are_errors_of_the_dry_run(
    tmp_path: Path, experiment: Callable[..., Config], override: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plan_run(experiment(override), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_existing_run_needs_resume(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment(), tmp_path / "run")
    before = snapshot(tmp_path)
    with pytest.raises(ConfigError, match="--resume"):
        plan_run(experiment(), tmp_path / "run", measure=False)
    assert plan_run(experiment("train.images=100"), tmp_path / "run", resume=True, measure=False).images == 100
    assert snapshot(tmp_path) == before


def test_too_little_memory_is_refused(
    tmp_path: Path, experiment: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "available_bytes", lambda _: 10**6)  # as on a machine with 1 MB of memory
    with pytest.raises(TrainingError, match=r"there are 0\.0 GB: lower, in this order, train\.batch \(4"):
        plan_run(experiment(), tmp_path / "run", measure=False)


def test_no_file_is_written_anywhere(tmp_path: Path, pair_set: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    options = ["model.generator=lite", "losses.perceptual.weight=0", "tracking.wandb=offline"]
    options += ["train={images: 8, batch: 2, workers: 1, device: cpu, augment: {crop: 32}}"]
    before = snapshot(tmp_path), snapshot(pair_set.parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "WANDB_"))}
    completed = subprocess.run(
        [sys.executable, "-m", "pix2style", "train", *options, "--pairs", str(pair_set), "--dry-run", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        env={**environment, "HOME": str(home)},
    )
    assert completed.returncode == 0, completed.stderr
    plan = json.loads(completed.stdout)
    assert (plan["dry_run"], plan["steps"]) == (True, 4)
    assert plan["images_per_s"] > 0
    assert (snapshot(tmp_path), snapshot(pair_set.parent)) == before


def test_a_long_trial_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    reminded, print_note = threading.Event(), dry_run.print_note

    def note(text: str) -> None:
        print_note(text)
        if text.startswith("the trial goes on"):
            reminded.set()

    def measure(*_: object, **__: object) -> float:
        assert reminded.wait(100)
        return 1.0

    monkeypatch.setattr(dry_run, "print_note", note)
    monkeypatch.setattr(dry_run, "measure_images_per_s", measure)
    monkeypatch.setattr(dry_run, "_REMIND_EVERY_S", 0.05)
    config, data = parse_config({}, overrides=["train.compile=true"]), TrainingData((), (), (), "", True, MagicMock())
    assert dry_run._measure(config, data) == 1.0
    lines = capsys.readouterr().err.splitlines()
    assert "the trial compiles the networks first, which takes minutes" in lines[0]
    assert lines[1].startswith("note: the trial goes on: ")


def test_only_a_trial_that_compiles_says_so(
    tmp_path: Path, experiment: Callable[..., Config], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_run(experiment("train.compile=auto"), tmp_path / "run")
    assert plan.device == "cpu"
    assert "compiles" not in capsys.readouterr().err


def test_plain_folders_are_read_once(
    tmp_path: Path, experiment: Callable[..., Config], capsys: pytest.CaptureFixture[str], photos: Callable[..., list]
) -> None:
    for number, photo in enumerate(photos(12, 48, 48)):
        for role in ("content", "target"):
            write_picture(tmp_path / "own" / role / f"{number}.png", Picture(photo))
    assert plan_run(experiment(f"pairs.path='{tmp_path}/own'"), tmp_path / "run").images_per_s
    assert capsys.readouterr().err.count("splits: ") == 1
