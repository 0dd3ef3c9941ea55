"""Checkpoints: damage is found and survived, a full disk too, and only those that are wanted stay."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from matrix import assert_same_end

from pix2style.config import Config
from pix2style.errors import ArtifactError, TrainingError
from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder, checkpoint_names
from pix2style.runs.generator import load_generator
from pix2style.training.run.resume import find_newest_intact_checkpoint, load_pretrained_weights
from pix2style.training.run.train import train
from pix2style.training.step.build import build_state

Experiment = Callable[..., Config]
FILES = ("generator.safetensors", "generator.ema.safetensors", "discriminator.safetensors", "trainer.pt", META_FILE)
NEWEST, BEFORE = "step-0000012", "step-0000010"


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Path:
    """A finished run with several checkpoints."""
    folder = tmp_path_factory.mktemp("whole")
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
def test_any_damage_is_found(
    tmp_path: Path, whole_run: Path, name: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(whole_run, tmp_path / "run")
    damage(run / "checkpoints" / NEWEST / name, how)
    found = find_newest_intact_checkpoint(run)
    assert found is not None
    assert (found.folder.name, found.damaged) == (BEFORE, (NEWEST,))
    said = capsys.readouterr().err
    assert f"{NEWEST}/{name}: " in said
    assert "going back to the checkpoint before it" in said
    assert checkpoint_names(run / "checkpoints")[-1] == BEFORE  # the damaged one is set aside


def test_a_damaged_newest_checkpoint_costs_its_steps_alone(
    tmp_path: Path, whole_run: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    config = experiment("train.checkpoint_every_images=8", "train.keep_last=3", "train.keep_best=0")
    run = shutil.copytree(whole_run, tmp_path / "run")
    damage(run / "checkpoints" / NEWEST / "trainer.pt", "flipped")
    train(config, run, resume=True)
    assert "trainer.pt: is damaged" in capsys.readouterr().err
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"step": 10, "checkpoint/damaged": 1.0} in lines
    unsaid = [line for line in lines if "checkpoint/damaged" not in line]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in unsaid))
    assert_same_end(whole_run, run)
    assert not list((run / "checkpoints").glob("*.damaged"))  # there is a whole one of that step again


def test_nothing_whole_is_an_error_and_no_fresh_start(tmp_path: Path, whole_run: Path) -> None:
    run = shutil.copytree(whole_run, tmp_path / "run")
    for name in checkpoint_names(run / "checkpoints"):
        damage(run / "checkpoints" / name / "generator.safetensors", "missing")
    with pytest.raises(ArtifactError, match=r"12/generator\.safetensors: cannot be read.*No checkpoint of .* is whole"):
        find_newest_intact_checkpoint(run)


@pytest.mark.parametrize("best_by", ["l1", "psnr", "ssim"])
def test_the_newest_and_the_best_stay(tmp_path: Path, experiment: Experiment, best_by: str) -> None:
    config = experiment(
        "train.images=80",
        "train.checkpoint_every_images=4",
        "train.keep_last=2",
        "train.keep_best=2",
        f"train.best_by={best_by}",
        "train.generator.lr=0.05",  # figures go up and down
        "train.decay_from=1",
        "train.ema_halflife_images=0",
    )
    train(config, tmp_path / "run")
    name = {"l1": "validation/l1_levels", "psnr": "validation/psnr_db", "ssim": "validation/ssim"}[best_by]
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    figures = {line["step"]: line[name] for line in lines if name in line}
    assert len(figures) == 20
    ranked = sorted(figures, key=lambda step: figures[step] if best_by == "l1" else -figures[step])
    wanted = {*sorted(figures)[-2:], *ranked[:2]}
    run = RunFolder(tmp_path / "run")
    assert {int(name[5:]) for name in run.checkpoints} == wanted
    assert run.checkpoint("best").name == f"step-{ranked[0]:07d}"
    assert run.checkpoint("latest").name == "step-0000020"
    assert CheckpointMeta.read(run.checkpoint("best") / META_FILE).figures[best_by] == figures[ranked[0]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


FULL = (
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
    small_disk: Path, tmp_path: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    run, ballast = small_disk / "run", small_disk / "ballast"
    config = experiment(*FULL)

    def fill_and_free() -> None:
        while not (run / "checkpoints" / "latest").is_file():
            time.sleep(0.005)
        free = shutil.disk_usage(small_disk).free
        ballast.write_bytes(b"\0" * (free - 40_000))
        while "checkpoint/failed" not in (run / "metrics.jsonl").read_text():
            time.sleep(0.005)
        ballast.unlink()

    watcher = threading.Thread(target=fill_and_free, daemon=True)
    watcher.start()
    report = train(config, run)
    watcher.join()
    said = capsys.readouterr().err
    assert "cannot be written (" in said
    assert "training goes on, and tries again at the next checkpoint" in said
    assert report.step == 300
    assert checkpoint_names(run / "checkpoints") == ["step-0000300"]
    found = find_newest_intact_checkpoint(run)
    assert found is not None
    assert found.damaged == ()


def test_a_disk_that_is_full_at_once_ends_the_run(small_disk: Path, experiment: Experiment) -> None:
    (small_disk / "ballast").write_bytes(b"\0" * (shutil.disk_usage(small_disk).free - 80_000))
    with pytest.raises(TrainingError, match=r"cannot be written .*free space, then resume"):
        train(experiment(*FULL), small_disk / "run")
    assert not list((small_disk / "run" / "checkpoints").glob("step-*"))
    assert not list((small_disk / "run" / "checkpoints").glob(".step-*"))


def test_a_run_begins_with_anothers_averaged_weights(
    tmp_path: Path, whole_run: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    config = experiment()
    state = build_state(config)
    load_pretrained_weights(state, whole_run)
    wanted, _ = load_generator(RunFolder(whole_run))
    for network in (state.generator, state.ema):
        for a, b in zip(wanted.parameters(), network.parameters(), strict=True):
            assert torch.equal(a, b)
    assert capsys.readouterr().err == ""
    begun = train(experiment(f"train.start_from={whole_run}"), tmp_path / "run")
    fresh = train(experiment(), tmp_path / "fresh")
    assert begun.val_l1 is not None
    assert fresh.val_l1 is not None
    assert begun.val_l1 < fresh.val_l1


def test_many_styles_begin_with_a_network_of_one(whole_run: Path, experiment: Experiment) -> None:
    """Tables of styles begin at nothing: at first every style is the other run's."""
    state = build_state(experiment("model.styles=3"))
    load_pretrained_weights(state, whole_run)
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    wanted, _ = load_generator(RunFolder(whole_run))
    state.ema.eval()
    with torch.inference_mode():
        for style in torch.eye(3):
            torch.testing.assert_close(state.ema(photo, style=style[None]), wanted(photo))


def test_a_discriminator_of_another_shape_begins_anew(
    whole_run: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    load_pretrained_weights(build_state(experiment("model.discriminator.channels=8")), whole_run)
    assert "the discriminator begins anew: it has another shape there" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["model.lite.channels=16", "model.generator=unet", "model.lite.blocks=2"])
def test_a_generator_of_another_shape_is_refused(
    tmp_path: Path, whole_run: Path, experiment: Experiment, change: str
) -> None:
    with pytest.raises(ArtifactError, match=r"start_from\].*its generator \(lite\) does not fit this one"):
        train(experiment(change, f"train.start_from={whole_run}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
