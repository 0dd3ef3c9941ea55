"""Describe the machine: GPU, caches and free disk space. torch is asked in a process of its own, if it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pix2style.files import user_cache_folder
from pix2style.processes import python_command
from pix2style.recipes.doctor.packages import installed_version

_TORCH_TIMEOUT_S, _DRIVER_TIMEOUT_S = 120, 20
_LEAST_FREE_BYTES = 1_000_000_000
_ASK_TORCH = """
import json, torch
gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
print(json.dumps({"cuda": torch.version.cuda, "gpus": gpus}))
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that pix2style writes to.

    Attributes:
        name: What it is for.
        path: The folder; it need not exist.
        bytes: Size of what it holds; None if that is not of interest.
        free_bytes: Free space of its disk.
        writable: Whether it can be written to, or made.
    """

    name: str
    path: str
    bytes: int | None
    free_bytes: int
    writable: bool

    def to_json(self) -> dict[str, Any]:
        """Return the place as JSON values."""
        return asdict(self)

    @property
    def problem(self) -> str | None:
        """What is wrong with the place; None if nothing is."""
        if not self.writable:
            return f"{self.path} ({self.name}): cannot be written to"
        if self.free_bytes < _LEAST_FREE_BYTES:
            return f"{self.path} ({self.name}): only {self.free_bytes / 1e9:.2f} GB are free"
        return None


def places() -> tuple[list[Place], list[str]]:
    """Return the folders that pix2style writes to, and what kept some from being found."""
    found, problems = [], []
    for name, find, is_measured in (
        ("working folder", Path.cwd, False),
        ("temporary files", lambda: Path(tempfile.gettempdir()), False),
        ("pix2style's cache", user_cache_folder, True),
        ("torch's cache", torch_cache, True),
    ):
        try:
            found.append(_place(name, find(), is_measured=is_measured))
        except (OSError, RuntimeError) as error:  # the folder is gone, or there is no home folder
            problems.append(f"{name}: cannot be found ({error})")
    return found, problems


def torch_cache() -> Path:
    """Return the folder in which torch keeps downloaded weights; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME")
    home = os.environ.get("TORCH_HOME")
    return Path(home) / "hub" if home else (Path(base) if base else Path.home() / ".cache") / "torch" / "hub"


def _place(name: str, path: Path, *, is_measured: bool) -> Place:
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if is_measured else None
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Place(name, str(path), size, shutil.disk_usage(nearest).free, writable)


def describe_gpus() -> tuple[dict[str, Any], list[str]]:
    """Return the driver's, torch's and ONNX Runtime's view of the GPUs, and what is wrong."""
    problems: list[str] = []
    driver, torch, providers, devices = _ask_driver(), None, list[str](), list[str]()
    if installed_version("torch") is not None:
        torch = _ask(_ASK_TORCH, "torch", problems)
    try:
        import onnxruntime

        from pix2style.runtime.devices import available_devices

        providers, devices = list(onnxruntime.get_available_providers()), available_devices()
    except ImportError as error:
        problems.append(f"onnxruntime cannot be imported ({' '.join(str(error).split())}): install it again")
    if driver and torch is not None and not torch["gpus"]:
        reason = "is built without CUDA" if torch["cuda"] is None else "does not find it"
        problems.append(f"there is a GPU ({driver[0]}), but the installed torch {reason}: training runs on the CPU")
    return {"driver": driver, "torch": torch, "onnxruntime": providers, "devices": devices}, problems


def _ask_driver() -> list[str]:
    """Return name, memory and driver version of each NVIDIA GPU; empty without the driver's program."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=_DRIVER_TIMEOUT_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _ask(program: str, package: str, problems: list[str]) -> dict[str, Any] | None:
    """Return what a short program prints as JSON, which runs in its own process, because a broken package may crash."""
    command = python_command("-c", program)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TORCH_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        problems.append(f"{package} cannot be imported within {_TORCH_TIMEOUT_S} s")
        return None
    if done.returncode == 0:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    problems.append(f"{package} cannot be imported ({last}): install it again")
    return None
