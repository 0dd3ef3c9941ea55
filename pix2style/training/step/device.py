"""Choose the device that training runs on and the precision that networks compute in."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from pix2style.config.train import TrainConfig
from pix2style.errors import ConfigError
from pix2style.nets.precision import has_fast_bfloat16

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(train: TrainConfig) -> torch.device:
    """Return the device that `train.device` asks for; "auto" takes a GPU if torch finds one.

    Raises:
        ConfigError: `train.device` is "cuda" and torch finds no GPU.
    """
    if train.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("[train -> device] cuda: torch finds no GPU: set train.device=cpu, or install a GPU driver")
    return torch.device("cuda" if train.device != "cpu" and torch.cuda.is_available() else "cpu")


def compute_dtype(train: TrainConfig, device: torch.device) -> torch.dtype:
    """Return the data type that networks compute in under autocast; weights are float32 in any case.

    Args:
        train: Section `train`; `precision` "auto" means bfloat16 where the device multiplies it natively, else float32.
        device: Device that the networks are on.

    Raises:
        ConfigError: `train.precision` is "fp16" and the device is not a GPU.
    """
    if train.precision == "fp16" and device.type != "cuda":
        raise ConfigError(
            "[train -> precision] fp16 is for GPUs, and this run is on the CPU: set train.precision=fp32, or bf16"
        )
    if train.precision != "auto":
        return _DTYPES[train.precision]
    return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32


def compiles(train: TrainConfig, device: torch.device) -> bool:
    """Return whether the networks are compiled on a device; `train.compile` "auto" means on a GPU only."""
    return train.compile is True or (train.compile == "auto" and device.type == "cuda")


def autocast(train: TrainConfig, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which networks compute in `compute_dtype`.

    Use a new context after each optimiser step: autocast caches the converted weights while its context is open, and
    would go on with the weights from before the step.
    """
    dtype = compute_dtype(train, device)
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
