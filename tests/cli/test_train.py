"""The command `pix2style train`, in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TINY = [
    "model.generator=lite",
    "model.lite={channels: 8, blocks: 1}",
    "model.discriminator={channels: 4, layers: 1}",
    "losses.perceptual.weight=0",
    "train={images: 8, batch: 2, workers: 0, device: cpu, augment: {crop: 32}}",
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pix2style", *arguments], capture_output=True, text=True, check=False)


def test_stdout_holds_only_json(tmp_path: Path, pair_set: Path) -> None:
    done = run("train", *TINY, "--pairs", str(pair_set), "--out", str(tmp_path / "run"), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["step"] == 4
    assert report["images_seen"] == 8
    assert Path(report["run"]) == tmp_path / "run"
    assert report["val_l1"] > 0


def test_dry_run_checks_and_writes_nothing(tmp_path: Path, pair_set: Path) -> None:
    out = tmp_path / "run"
    done = run("train", *TINY, "--pairs", str(pair_set), "--out", str(out), "--dry-run")
    assert done.returncode == 0, done.stderr
    for words in ("generator: lite,", "discriminator: patch,", "8 images", "4 steps of 2", "crops of 32 px"):
        assert words in done.stdout
    assert "time: about" in done.stdout
    assert "GB in the trial" in done.stdout
    assert not out.exists()


def test_help_lists_the_options() -> None:
    done = run("train", "--help")
    assert done.returncode == 0
    for option in ("--config", "--pairs", "--out", "--resume", "--resume-if-begun", "--dry-run", "--json", "KEY=VALUE"):
        assert option in done.stdout


def test_dry_run_as_json_and_on_a_folder_in_use(tmp_path: Path, pair_set: Path) -> None:
    options = ["--pairs", str(pair_set), "--out", str(tmp_path / "run"), "--dry-run", "--json"]
    done = run("train", *TINY, *options)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["dry_run"], plan["generator"], plan["images"], plan["batch"]) == (True, "lite", 8, 2)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    refused = run("train", *TINY, *options)
    assert refused.returncode == 2
    assert "exists and is no run folder" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train.bacth=2"], 2, "did you mean 'batch'?"),
        (["--config", "nowhere.yaml"], 2, "nowhere.yaml"),
        ([], 2, "pairs -> path"),
        (["--pairs", "nowhere"], 3, "nowhere"),
        (
            ["losses.features.weights=nowhere.safetensors", "losses.perceptual={layers: {relu1_1: 1}}"],
            4,
            "nowhere.safetensors",
        ),
        (["losses.perceptual={layers: {relu9_1: 1}}"], 2, "relu9_1"),
    ],
)
def test_errors_are_one_message_and_an_exit_code(
    tmp_path: Path, pair_set: Path, arguments: list[str], code: int, message: str
) -> None:
    needs_pairs = "losses" in "".join(arguments)
    pairs = ["--pairs", str(pair_set)] if needs_pairs else []
    done = run("train", *arguments, *pairs, "train.augment.crop=32", "--out", str(tmp_path / "run"))
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    # No partial run folder may be left, so that the corrected command can use the same --out.
    assert not (tmp_path / "run").exists()


def test_ctrl_c_before_the_run_folder_exists_does_not_advise_to_resume(
    pix2style, pair_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pix2style.training.run.train.train", interrupt)
    command = ("train", "--pairs", pair_set, "--out", tmp_path / "run")
    code, _, err = pix2style(*command)
    assert (code, err) == (130, "pix2style: interrupted; training had not begun; run the same command again\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    assert "run the same command again with --resume to go on" in pix2style(*command)[2]
