"""Start trainings in separate processes, one or several."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from pix2style.config import Config

TIMEOUT_S = 200


def command(
    config: Config, run: Path, processes: int = 1, *more: str, script: Path | None = None, before: Sequence[object] = ()
) -> list[str]:
    """Return the command line of `pix2style train ... --resume-if-begun`, or of a script with the same arguments.

    Several processes are started by torchrun. `before` are arguments of the script before those of pix2style.
    """
    file = run.parent / f"{run.name}.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", free_port()]
    arguments = ["train", "--config", str(file), "--out", str(run), "--resume-if-begun", *more]
    return [*start, *(["-m", "pix2style"] if script is None else [str(script), *map(str, before)]), *arguments]


def environment() -> dict[str, str]:
    """Return an environment for one thread per process, because rounding depends on the number of threads."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def popen(
    config: Config, run: Path, processes: int = 1, *more: str, script: Path | None = None, before: Sequence[object] = ()
) -> subprocess.Popen[str]:
    """Start a training; the arguments are those of `command`."""
    return subprocess.Popen(
        command(config, run, processes, *more, script=script, before=before),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; return exit code, stdout and stderr."""
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, stdout, stderr


def free_port() -> str:
    """Return a port of this machine that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
