"""Recognise that memory ran out, and say which settings to lower."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from pix2style.config import Config
from pix2style.errors import DataError, TrainingError
from pix2style.system.memory import physical_memory_bytes

# Parts of the messages of torch's CPU allocator, oneDNN, cuBLAS, cuDNN and C++, in lower case. Only CUDA's allocator
# raises an exception of a class of its own; the others raise RuntimeError.
_OUT_OF_MEMORY_MESSAGES = (
    "defaultcpuallocator",
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "could not create a primitive",  # oneDNN: it found no memory for the kernel that it generates
    "could not create a memory object",  # oneDNN as well
    "can't start new thread",  # there was no memory for the thread's stack
    "cuda out of memory",
    "cuda error: out of memory",
    "alloc_failed",
    "cuda_error_out_of_memory",
)
# Memory limits of a container: cgroups of version 2 and 1.
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@contextmanager
def explain_out_of_memory(config: Config) -> Iterator[None]:
    """Turn an out-of-memory error of the block into one that names the settings to lower; let other errors pass.

    Args:
        config: Configuration of the experiment; the settings of several sections cost memory.

    Raises:
        TrainingError: The memory of the GPU or of the machine was not enough.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError, DataError) as error:
        if not is_out_of_memory(error):
            raise
        # Only the first line: the following ones are CUDA's statistics.
        first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        settings = ", ".join(memory_saving_settings(config, error))
        raise TrainingError(
            f"out of memory ({first_line[:200]}): lower, in this order, {settings}; then begin again, or go on with"
            " --resume where the run allows the change"
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a GPU or of the machine is not enough."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, DataError):  # reading a pair failed, and that can have the same cause
        return error.__cause__ is not None and is_out_of_memory(error.__cause__)
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM  # a process could not be started, or a file not be mapped
    if not isinstance(error, RuntimeError):
        return False
    return any(message in str(error).lower() for message in _OUT_OF_MEMORY_MESSAGES)


def memory_saving_settings(config: Config, error: BaseException | None = None) -> list[str]:
    """Name the settings that cost memory, with their values; first those whose change costs the least quality.

    Args:
        config: Configuration of the experiment.
        error: The out-of-memory error; settings that cost GPU memory only are named if it came from a GPU.
    """
    train, model = config.train, config.model
    settings = []
    if train.batch > train.accumulate:
        settings.append(
            f"train.batch ({train.batch}), or raise train.accumulate ({train.accumulate}) to keep the batch"
        )
    whole = train.augment.crop is None
    settings.append(f"pairs.size ({config.pairs.size})" if whole else f"train.augment.crop ({train.augment.crop})")
    on_gpu = isinstance(error, torch.OutOfMemoryError) or (error is not None and "cuda" in str(error).lower())
    if on_gpu and train.pairs_on_device_gb > 0:
        settings.append(f"train.pairs_on_device_gb ({train.pairs_on_device_gb:g})")
    section = model.generator.replace("-", "_")  # unet-2017 has its settings in unet_2017
    settings.append(f"model.{section}.channels ({getattr(model, section).channels})")
    if config.losses.adversarial.weight > 0:
        settings.append(f"model.discriminator.channels ({model.discriminator.channels})")
    return settings


def available_bytes(device: torch.device) -> int | None:
    """Return how much memory this process may use in total, what it uses already included.

    On a GPU that is the GPU's memory. On the CPU it is the free memory of the machine, at most a container's limit.

    Returns:
        Bytes; None if the system does not say.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) + int(torch.cuda.memory_reserved(device))
    free = _read_kib("MemAvailable:", Path("/proc/meminfo"))
    own = _read_kib("VmRSS:", Path("/proc/self/status"))
    if free is None or own is None:
        return None
    return min([free + own, *_memory_limits()])


def _memory_limits() -> list[int]:
    limits = [limit for limit in map(_read_limit, _CGROUP_LIMITS) if limit is not None]
    total = physical_memory_bytes()
    return limits if total is None else [*limits, total]


def _read_limit(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not in a container, or "max" for no limit
        return None


def _read_kib(key: str, path: Path) -> int | None:
    """Return the value of a line such as `VmRSS:  1234 kB`, in bytes."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), None)
