"""What milliseconds were measured on, and which libraries made the figures."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path

import torch

from pix2style.processes import usable_cores

_LIBRARIES = ("numpy", "pillow", "torch", "kornia", "onnxruntime")


def describe_machine() -> dict[str, str | int]:
    """Processor, cores that this process may use, and threads that libraries take for one picture."""
    cores = usable_cores()
    return {
        "processor": _processor(),
        "cores": cores,
        "torch_threads": torch.get_num_threads(),
        "onnxruntime_threads": cores,  # OnnxStylizer's default
        "python": platform.python_version(),
    }


def library_versions() -> dict[str, str]:
    """Versions of what took part; TensorFlow's only if it was loaded."""
    names = [*_LIBRARIES, *(["tensorflow"] if "tensorflow" in sys.modules else []), "pix2style"]
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed as a package"
    return versions


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
