"""The machine that milliseconds were measured on, and the libraries that computed the figures."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path

import torch

from pix2style.processes import usable_cores

_LIBRARIES = ("numpy", "pillow", "torch", "kornia", "onnxruntime")


def describe_machine() -> dict[str, str | int]:
    """Return the processor, the cores that this process may use, and the threads of each library."""
    cores = usable_cores()
    return {
        "processor": _processor_name(),
        "cores": cores,
        "torch_threads": torch.get_num_threads(),
        "onnxruntime_threads": cores,  # the default of OnnxStylizer
        "python": platform.python_version(),
    }


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that compute figures; of the optional ones only those that are imported."""
    optional = [name for name in ("tensorflow", "torchmetrics") if name in sys.modules]
    names = [*_LIBRARIES, *optional, "pix2style"]
    return {name: _version(name) for name in names}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"


def _processor_name() -> str:
    # platform.processor() is empty or only names the architecture on most Linux systems.
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
