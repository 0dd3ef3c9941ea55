from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TINY = (
    "model.lite={channels: 8, blocks: 1}",
    "model.unet={channels: 8, levels: 2}",
    "losses.perceptual.weight=0",
    "losses.adversarial.weight=0",
    "train={images: 8, batch: 2, workers: 0, log_every: 1, device: cpu, augment: {crop: 32}}",
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pix2style", *arguments], capture_output=True, text=True, check=False)


def test_a_small_generator_learns_from_a_run(tmp_path: Path, pair_set: Path) -> None:
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    done = run("train", *TINY, "--pairs", str(pair_set), "--out", str(teacher))
    assert done.returncode == 0, done.stderr
    options = ["--teacher-run", str(teacher), "--pairs", str(pair_set), "--out", str(student), "--json"]
    done = run("distill", *TINY, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images_seen"] == 8
    config = json.loads((student / "config.json").read_text())["config"]
    assert (config["model"]["generator"], config["distill"]["teacher_run"]) == ("lite", str(teacher))
    lines = [json.loads(line) for line in (student / "metrics.jsonl").read_text().splitlines()]
    assert sum("generator/distill_features" in line for line in lines) == 4


def test_a_budget_chooses_the_size_and_a_resumed_run_keeps_it(tmp_path: Path, pair_set: Path) -> None:
    out = tmp_path / "run"
    options = [*TINY, "distill.budget={ms_512: 1000, channels: [8, 12], blocks: [1]}", "--pairs", str(pair_set)]
    done = run("distill", *options, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "distill.budget: 12 channels, 1 blocks" in done.stderr
    table = json.loads((out / "budget.json").read_text())
    assert [one["channels"] for one in table["candidates"]] == [8, 12]
    assert all(one["ms"] > 0 for one in table["candidates"])
    assert json.loads((out / "config.json").read_text())["config"]["model"]["lite"]["channels"] == 12
    again = run("distill", *options, "train.images=12", "--out", str(out), "--resume")
    assert again.returncode == 0, again.stderr
    assert "distill.budget" not in again.stderr
    assert json.loads((out / "budget.json").read_text()) == table
