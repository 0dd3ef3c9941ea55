"""The batch scripts of pipelines/ give each task its part, with a program in the place of pix2style."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"
SETTINGS = {"CONTENT": "photos", "STYLE": "painting.jpg", "OUT": "out", "FILTER": "great-wave", "PHOTOS": "photos"}


def run(script: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "pix2style"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    variables = {**SETTINGS, **environment, "PATH": path}
    return subprocess.run(
        ["bash", str(PIPELINES / script)], capture_output=True, text=True, check=False, env=variables, cwd=tmp_path
    )


@pytest.mark.parametrize("script", ["make-pairs.slurm", "infer.slurm"])
def test_each_task_does_its_part_and_failed_ones_can_be_repeated(script: str, tmp_path: Path) -> None:
    done = run(script, tmp_path, SLURM_ARRAY_TASK_ID="7", SLURM_ARRAY_TASK_COUNT="16")
    assert (done.returncode, "--shard 7/16" in done.stdout) == (0, True), done.stderr
    # `sbatch --array=3,7` counts two tasks, of sixteen parts.
    repeated = run(script, tmp_path, SLURM_ARRAY_TASK_ID="7", SLURM_ARRAY_TASK_COUNT="2", PARTS="16")
    assert repeated.stdout == done.stdout
    outside = run(script, tmp_path)
    assert (outside.returncode, "run me with sbatch" in outside.stderr) == (1, True)


def test_the_plan_is_made_once_and_is_no_part(tmp_path: Path) -> None:
    done = run("make-pairs.slurm", tmp_path, STEP="plan", SLURM_ARRAY_TASK_ID="1", SLURM_ARRAY_TASK_COUNT="1")
    assert "--plan" in done.stdout
    assert "--shard" not in done.stdout
