"""Out of memory: what there is, and what to lower when it is not enough."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from pix2style.config import Config
from pix2style.errors import DataError, TrainingError

# What torch, oneDNN, cuBLAS, cuDNN and C++ say; only CUDA's allocator has a class of its own. "[enforce fail ...]
# DefaultCPUAllocator: can't allocate memory" is the CPU's.
_SAID = (
    "defaultcpuallocator",
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "can't start new thread",  # its stack is memory too
    "cuda out of memory",
    "cuda error: out of memory",
    "alloc_failed",
    "cuda_error_out_of_memory",
)
_CHANNELS = {
    "unet": "unet",
    "unet-2017": "unet_2017",
    "resnet": "resnet",
    "transformer": "transformer",
    "lite": "lite",
}
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@contextmanager
def explain_out_of_memory(config: Config) -> Iterator[None]:
    """Turn running out of memory into one message that says which setting to lower; other errors pass.

    Raises:
        TrainingError: the memory of the GPU or of the machine was not enough.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError, DataError) as error:
        if not is_out_of_memory(error):
            raise
        # the first line: what follows is CUDA's statistics
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        settings = ", ".join(memory_saving_settings(config, error))
        raise TrainingError(
            f"out of memory ({said[:200]}): lower, in this order, {settings}; then begin again, or go on with --resume"
            " where the run allows the change"
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory, on a GPU or on the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, DataError):  # a pair's picture is small: it was only the last straw
        return error.__cause__ is not None and is_out_of_memory(error.__cause__)
    if isinstance(error, OSError):
        return error.errno == 12  # ENOMEM: a process or a map could not be made
    return isinstance(error, RuntimeError) and any(said in str(error).lower() for said in _SAID)


def memory_saving_settings(config: Config, error: BaseException | None = None) -> list[str]:
    """Settings that cost memory, each with its value: first those whose change costs least."""
    train, model = config.train, config.model
    settings = []
    if train.batch > train.accumulate:
        settings.append(
            f"train.batch ({train.batch}), or raise train.accumulate ({train.accumulate}) to keep the batch"
        )
    settings.append(f"train.augment.crop ({train.augment.crop})")
    on_gpu = isinstance(error, torch.OutOfMemoryError) or (error is not None and "cuda" in str(error).lower())
    if on_gpu and train.pairs_on_device_gb > 0:
        settings.append(f"train.pairs_on_device_gb ({train.pairs_on_device_gb:g})")
    section = _CHANNELS[model.generator]
    settings.append(f"model.{section}.channels ({getattr(model, section).channels})")
    if config.losses.adversarial.weight > 0:
        settings.append(f"model.discriminator.channels ({model.discriminator.channels})")
    return settings


def available_bytes(device: torch.device) -> int | None:
    """Memory that this process may use in all, as far as that can be known: the GPU's, or the machine's.

    On the CPU: what is free now and what this process has already, at most a container's limit; None where the system
    does not say.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) + int(torch.cuda.memory_reserved(device))
    free = _meminfo_bytes("MemAvailable:", Path("/proc/meminfo"))
    own = _meminfo_bytes("VmRSS:", Path("/proc/self/status"))
    if free is None or own is None:
        return None
    return min([free + own, *_limits()])


def _limits() -> list[int]:
    found = []
    for path in _CGROUP_LIMITS:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # no container, or "max"
            continue
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return [*found, total]


def _meminfo_bytes(key: str, path: Path) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), None)
