"""Experiments in processes of their own, one or several."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import yaml

from pix2style.config import Config

TIMEOUT_S = 150


def command(config: Config, run: Path, processes: int = 1, *more: str, script: Path | None = None) -> list[str]:
    """`pix2style train ... --resume-if-begun` or another script, by torchrun for several processes."""
    file = run.parent / f"{run.name}.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", free_port()]
    arguments = ["train", "--config", str(file), "--out", str(run), "--resume-if-begun", *more]
    return [*start, *(["-m", "pix2style"] if script is None else [str(script)]), *arguments]


def environment() -> dict[str, str]:
    """Sums depend on how many threads share them: one in each process."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def popen(config: Config, run: Path, processes: int = 1, *more: str) -> subprocess.Popen[str]:
    """Start it."""
    return subprocess.Popen(
        command(config, run, processes, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, said = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, out, said


def free_port() -> str:
    """A port of this machine that nobody has at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])
