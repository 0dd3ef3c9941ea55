"""Checkpoints: damaged ones are detected, a full disk is survived, and old ones are removed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from matrix import assert_same_end

from pix2style.config import Config
from pix2style.errors import ArtifactError, TrainingError
from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder, checkpoint_names
from pix2style.runs.generator import load_generator
from pix2style.training.run import training_loop
from pix2style.training.run.checkpoints.pretrained import load_pretrained_weights
from pix2style.training.run.checkpoints.resume import find_newest_intact_checkpoint
from pix2style.training.run.train import train
from pix2style.training.step.build import build_state

Experiment = Callable[..., Config]
FILES = ("generator.safetensors", "generator.ema.safetensors", "discriminator.safetensors", "trainer.pt", META_FILE)
NEWEST, BEFORE = "step-0000012", "step-0000010"


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Path:
    """A finished run with several checkpoints."""
    folder = tmp_path_factory.mktemp("finished")
    config = experiment("train.checkpoint_every_images=8", "train.keep_last=3", "train.keep_best=0")
    train(config, folder / "run")
    return folder / "run"


def damage(file: Path, how: str) -> None:
    data = bytearray(file.read_bytes())
    if how == "missing":
        file.unlink()
    elif how == "truncated":
        file.write_bytes(data[: len(data) // 2])
    else:
        data[len(data) // 2] ^= 4
        file.write_bytes(data)


@pytest.mark.parametrize("how", ["truncated", "flipped", "missing"])
@pytest.mark.parametrize("name", FILES)
def test_any_damage_is_detected(
    tmp_path: Path, finished_run: Path, name: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    damage(run / "checkpoints" / NEWEST / name, how)
    checkpoint = find_newest_intact_checkpoint(run)
    assert checkpoint is not None
    assert (checkpoint.folder.name, checkpoint.damaged) == (BEFORE, (NEWEST,))
    stderr = capsys.readouterr().err
    assert f"{NEWEST}/{name}: " in stderr
    assert "going back to the checkpoint before it" in stderr
    assert checkpoint_names(run / "checkpoints")[-1] == BEFORE  # the damaged one was renamed


def test_a_checkpoint_that_cannot_be_replaced_stays(
    tmp_path: Path, finished_run: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a program that looks for viruses may have a new file open."""
    shutil.copytree(finished_run, tmp_path / "run")
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name == f".{NEWEST}.partial":
            raise PermissionError(13, "in use", str(path))
        return real(path, target)

    config = experiment("train.checkpoint_every_images=8", "train.keep_last=3", "train.keep_best=0")
    before = {file.name: file.read_bytes() for file in (tmp_path / "run/checkpoints" / NEWEST).iterdir()}
    (tmp_path / "run/checkpoints/latest").write_text(f"{BEFORE}\n")
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr("pix2style.training.run.checkpoints.resume.checkpoint_names", lambda _: [BEFORE])
    with pytest.raises(TrainingError, match="in use"):
        train(config, tmp_path / "run", resume=True)
    after = {file.name: file.read_bytes() for file in (tmp_path / "run/checkpoints" / NEWEST).iterdir()}
    assert before == after


def test_with_a_damaged_newest_checkpoint_only_its_steps_are_repeated(
    tmp_path: Path, finished_run: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    config = experiment("train.checkpoint_every_images=8", "train.keep_last=3", "train.keep_best=0")
    run = shutil.copytree(finished_run, tmp_path / "run")
    damage(run / "checkpoints" / NEWEST / "trainer.pt", "flipped")
    train(config, run, resume=True)
    assert "trainer.pt: is damaged" in capsys.readouterr().err
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"step": 10, "checkpoint/damaged": 1.0} in lines
    others = [line for line in lines if "checkpoint/damaged" not in line]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in others))
    assert_same_end(finished_run, run)
    assert not list((run / "checkpoints").glob("*.damaged"))  # there is an intact checkpoint of that step again


def test_if_all_checkpoints_are_damaged_resuming_fails(tmp_path: Path, finished_run: Path) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    for name in checkpoint_names(run / "checkpoints"):
        damage(run / "checkpoints" / name / "generator.safetensors", "missing")
    with pytest.raises(
        ArtifactError, match=r"12/generator\.safetensors: cannot be read.*No checkpoint of .* is intact"
    ):
        find_newest_intact_checkpoint(run)


@pytest.mark.parametrize("best_by", ["l1", "psnr", "ssim"])
def test_the_newest_and_the_best_checkpoints_are_kept(tmp_path: Path, experiment: Experiment, best_by: str) -> None:
    config = experiment(
        "train.images=80",
        "train.checkpoint_every_images=4",
        "train.keep_last=2",
        "train.keep_best=2",
        f"train.best_by={best_by}",
        "train.generator.lr=0.05",  # so high that the metrics go up and down
        "train.decay_from=1",
        "train.ema_halflife_images=0",
    )
    train(config, tmp_path / "run")
    name = {"l1": "validation/l1_levels", "psnr": "validation/psnr_db", "ssim": "validation/ssim"}[best_by]
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    values = {line["step"]: line[name] for line in lines if name in line}
    assert len(values) == 20
    ranked = sorted(values, key=lambda step: values[step] if best_by == "l1" else -values[step])
    kept = {*sorted(values)[-2:], *ranked[:2]}
    run = RunFolder(tmp_path / "run")
    assert {int(name[5:]) for name in run.checkpoints} == kept
    assert run.checkpoint("best").name == f"step-{ranked[0]:07d}"
    assert run.checkpoint("latest").name == "step-0000020"
    assert CheckpointMeta.read(run.checkpoint("best") / META_FILE).figures[best_by] == values[ranked[0]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


FULL_DISK = (
    "train.images=1200",
    "train.checkpoint_every_images=60",
    "train.keep_last=1",
    "train.keep_best=0",
    "train.log_every=100000",
    "train.decoded_cache_gb=0",
    "train.validate_photos=1",
    "train.grid_photos=1",
)


def test_a_full_disk_is_survived(
    small_disk: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, ballast = small_disk / "run", small_disk / "ballast"
    train_step, actions = training_loop.train_step, ["fill", "free"]

    def fill_and_free(*arguments: Any) -> Any:
        """Fill the disk after the first checkpoint, and free it after one that failed; then do the step."""
        if actions == ["fill", "free"] and (run / "checkpoints" / "latest").is_file():
            ballast.write_bytes(b"\0" * (shutil.disk_usage(small_disk).free - 40_000))
            actions.remove("fill")
        elif actions == ["free"] and "checkpoint/failed" in (run / "metrics.jsonl").read_text():
            ballast.unlink()
            actions.remove("free")
        return train_step(*arguments)

    monkeypatch.setattr(training_loop, "train_step", fill_and_free)
    report = train(experiment(*FULL_DISK), run)
    assert not actions
    stderr = capsys.readouterr().err
    assert "cannot be written (" in stderr
    assert "training goes on, and tries again at the next checkpoint" in stderr
    assert report.step == 300
    assert checkpoint_names(run / "checkpoints") == ["step-0000300"]
    checkpoint = find_newest_intact_checkpoint(run)
    assert checkpoint is not None
    assert checkpoint.damaged == ()


def test_a_disk_that_is_full_at_the_first_checkpoint_ends_the_run(small_disk: Path, experiment: Experiment) -> None:
    (small_disk / "ballast").write_bytes(b"\0" * (shutil.disk_usage(small_disk).free - 80_000))
    with pytest.raises(TrainingError, match=r"cannot be written .*free space, then resume"):
        train(experiment(*FULL_DISK), small_disk / "run")
    assert not list((small_disk / "run" / "checkpoints").glob("step-*"))
    assert not list((small_disk / "run" / "checkpoints").glob(".step-*"))


def test_start_from_loads_the_averaged_weights_of_another_run(
    tmp_path: Path, finished_run: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    config = experiment()
    state = build_state(config)
    load_pretrained_weights(state, finished_run)
    expected, _ = load_generator(RunFolder(finished_run))
    for network in (state.generator, state.ema):
        for a, b in zip(expected.parameters(), network.parameters(), strict=True):
            assert torch.equal(a, b)
    assert capsys.readouterr().err == ""
    pretrained = train(experiment(f"model.start_from={finished_run}"), tmp_path / "run")
    fresh = train(experiment(), tmp_path / "fresh")
    assert pretrained.val_l1 is not None
    assert fresh.val_l1 is not None
    assert pretrained.val_l1 < fresh.val_l1


def test_start_from_a_run_of_one_style_with_several_styles(finished_run: Path, experiment: Experiment) -> None:
    """The style tables start at zero, so that every style gives the output of the other run."""
    state = build_state(experiment("model.styles=3"))
    load_pretrained_weights(state, finished_run)
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    expected, _ = load_generator(RunFolder(finished_run))
    state.ema.eval()
    with torch.inference_mode():
        for style in torch.eye(3):
            torch.testing.assert_close(state.ema(photo, style=style[None]), expected(photo))


def test_start_from_keeps_a_fresh_discriminator_if_the_shapes_differ(
    finished_run: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    load_pretrained_weights(build_state(experiment("model.discriminator.channels=8")), finished_run)
    assert "the discriminator starts with fresh weights: the other run's has another shape" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["model.lite.channels=16", "model.generator=unet", "model.lite.blocks=2"])
def test_start_from_refuses_a_generator_of_another_shape(
    tmp_path: Path, finished_run: Path, experiment: Experiment, change: str
) -> None:
    with pytest.raises(ArtifactError, match=r"start_from\].*its generator \(lite\) does not fit this one"):
        train(experiment(change, f"model.start_from={finished_run}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
