"""The command `pix2style train`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Pix2Style = Callable[..., tuple[int, str, str]]
TINY = [
    "model.generator=lite",
    "model.lite={channels: 8, blocks: 1}",
    "model.discriminator={channels: 4, layers: 1}",
    "losses.perceptual.weight=0",
    "train={images: 8, batch: 2, workers: 0, device: cpu, augment: {crop: 32}}",
]


def test_stdout_holds_only_json(tmp_path: Path, pair_set: Path) -> None:
    """In a process of its own, where libraries could print, too."""
    command = [sys.executable, "-m", "pix2style", "train", *TINY, "--pairs", pair_set, "--out", tmp_path / "run"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["step"] == 4
    assert report["images_seen"] == 8
    assert Path(report["run"]) == tmp_path / "run"
    assert report["val_l1"] > 0


def test_dry_run_checks_and_writes_nothing(pix2style: Pix2Style, tmp_path: Path, pair_set: Path) -> None:
    out = tmp_path / "run"
    code, stdout, stderr = pix2style("train", *TINY, "--pairs", pair_set, "--out", out, "--dry-run")
    assert code == 0, stderr
    for words in ("generator: lite,", "discriminator: patch,", "8 images", "4 steps of 2", "crops of 32 px"):
        assert words in stdout
    assert "time: about" in stdout
    assert "GB in the trial" in stdout
    assert not out.exists()


def test_help_lists_the_options(pix2style: Pix2Style) -> None:
    code, stdout, _ = pix2style("train", "--help")
    assert code == 0
    for option in ("--config", "--pairs", "--out", "--resume", "--resume-if-begun", "--dry-run", "--json", "KEY=VALUE"):
        assert option in stdout


def test_dry_run_as_json_and_on_a_folder_in_use(pix2style: Pix2Style, tmp_path: Path, pair_set: Path) -> None:
    options = ["--pairs", pair_set, "--out", tmp_path / "run", "--dry-run", "--json"]
    code, stdout, stderr = pix2style("train", *TINY, *options)
    assert code == 0, stderr
    plan = json.loads(stdout)
    assert (plan["dry_run"], plan["generator"], plan["images"], plan["batch"]) == (True, "lite", 8, 2)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    code, _, stderr = pix2style("train", *TINY, *options)
    assert code == 2
    assert "exists and is no run folder" in stderr


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
def test_errors_are_one_message_and_an_exit_code(  # noqa: PLR0917 (the parameters are named by pytest)
    pix2style: Pix2Style, tmp_path: Path, pair_set: Path, arguments: list[str], code: int, message: str
) -> None:
    needs_pairs = "losses" in "".join(arguments)
    pairs = ["--pairs", pair_set] if needs_pairs else []
    exit_code, stdout, stderr = pix2style(
        "train", *arguments, *pairs, "train.augment.crop=32", "--out", tmp_path / "run"
    )
    assert exit_code == code, stderr
    assert message in stderr
    assert "Traceback" not in stderr
    assert stdout == ""
    # No partial run folder may be left, so that the corrected command can use the same --out.
    assert not (tmp_path / "run").exists()


def test_ctrl_c_before_the_run_folder_exists_does_not_advise_to_resume(
    pix2style: Pix2Style, pair_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
