"""Data-parallel training in several processes, started by `torchrun --nproc-per-node N -m pix2style train ...`.

Gradients are averaged with one all-reduce of one flat buffer, and not with torch's DistributedDataParallel (DDP), for
these reasons:

* DDP assigns gradients to other buckets after its first iteration, and so adds them in another order. With three
  processes, the same input gave other bits in the second iteration than in the first, so that a resumed run could not
  equal an uninterrupted one. One buffer always has the same order.
* The gradient penalties R1 and R2 differentiate the discriminator twice, without its compiled forward. DDP supports no
  double backward, and does not see a forward pass that does not go through its wrapper.
* The flat buffer also carries whether the loss is finite, BatchNorm's statistics, and the running means of the loss
  balance. All processes thus skip the same steps and hold the same state, without further synchronisation.

The price is that communication does not overlap with the backward pass.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from pix2style.errors import ConfigError, Pix2StyleError, TrainingError

_TIMEOUT = datetime.timedelta(minutes=60)  # the other processes wait during the main process's validation
_FAILURE_COUNTER_KEY = "pix2style/failed"
# Messages of gloo, as raised where this module's wrappers do not see them: by a loss that sums over all processes.
_CONNECTION_LOST_MESSAGES = ("Connection closed by peer", "Connection reset by peer")


@contextmanager
def _report_lost_process() -> Iterator[None]:
    """Say that another process ended: its connections are then closed, and the next exchange fails."""
    try:
        yield
    except RuntimeError as error:
        raise _lost_process_error(error) from error


@dataclass(frozen=True, slots=True)
class World:
    """The processes that train together.

    The methods other than `current` and `is_main` are collective: all processes have to call them in the same order.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes; 1 without torchrun.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> World:
        """Return the world of the current process group; a world of one process if there is none."""
        return cls(dist.get_rank(), dist.get_world_size()) if _has_process_group() else cls()

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes, prints, logs and validates."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until all processes have arrived here."""
        self.any(False)

    @_report_lost_process()
    def any(self, flag: bool) -> bool:
        """Return in all processes whether `flag` is true in any of them."""
        if self.size == 1:
            return flag
        flags = torch.tensor([int(flag)], dtype=torch.int32)  # on the host, so that no process has to wait for its GPU
        dist.all_reduce(flags, op=dist.ReduceOp.MAX)
        return bool(flags.item())

    @_report_lost_process()
    def broadcast_numbers(self, numbers: Sequence[float]) -> list[float]:
        """Return the main process's numbers in all processes; they are exchanged between the hosts."""
        if self.size == 1:
            return list(numbers)
        values = torch.tensor(numbers, dtype=torch.float64)
        dist.broadcast(values, src=0)
        return [float(value) for value in values]

    @_report_lost_process()
    def broadcast_object(self, value: Any) -> Any:
        """Return the main process's `value` in all processes; it has to be picklable."""
        if self.size == 1:
            return value
        values = [value if self.is_main else None]
        dist.broadcast_object_list(values, src=0, device=torch.device("cpu"))
        return values[0]

    @_report_lost_process()
    def all_gather_object(self, value: Any) -> list[Any]:
        """Return the values of all processes, by rank; they have to be picklable."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    @_report_lost_process()
    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """Return a small CPU tensor of each process, by rank; shape and type are the same in all processes."""
        if self.size == 1:
            return [tensor]
        tensors = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(tensors, tensor)
        return tensors

    @torch.no_grad()
    def all_reduce_mean_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes, with one all-reduce for all tensors.

        Args:
            tensors: float32, on one device; the same number and shapes in all processes.
        """
        if self.size == 1 or not tensors:
            return
        flat = flatten_tensors(tensors)
        with _report_lost_process():
            dist.all_reduce(flat)
        flat /= self.size
        torch._foreach_copy_(list(tensors), unflatten_tensors(flat, tensors))


def flatten_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """Copy the tensors into one vector, one after the other.

    Elements are in the order of the dimensions, whatever the memory layout of a tensor (channels_last) is.
    """
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def unflatten_tensors(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Return views of the result of `flatten_tensors`, in the shapes of `like`."""
    pieces = torch.split(flat, [tensor.numel() for tensor in like])
    return [piece.view(tensor.shape) for piece, tensor in zip(pieces, like, strict=True)]


@contextmanager
def process_group(device_type: str) -> Iterator[World]:
    """Join the process group that torchrun started, for the block; do nothing without torchrun.

    If a process fails, it alone prints an error message. The others then lose their connection to it, and exit with
    the same exit code and without a message.

    Args:
        device_type: "cuda": each process takes the GPU with the number of its LOCAL_RANK, and gradients are exchanged
            with NCCL. "cpu": gradients are exchanged with gloo.

    Raises:
        ConfigError: torchrun's environment variables cannot be used, or there are fewer GPUs than processes.
        TrainingError: The processes cannot connect, or another process ended.
    """
    size = _read_variable("WORLD_SIZE", 1)
    if size == 1 or _has_process_group():
        yield World.current()
        return
    _init_process_group(device_type)
    try:
        yield World.current()
    except BaseException as error:
        # The group is not destroyed here: that could wait for the others, and they notice the closed connection.
        if _another_process_failed_first():
            raise SystemExit(_exit_code(error)) from None
        if isinstance(error, RuntimeError) and any(message in str(error) for message in _CONNECTION_LOST_MESSAGES):
            raise _lost_process_error(error) from error
        raise
    else:
        dist.destroy_process_group()


def _init_process_group(device_type: str) -> None:
    if device_type == "cuda":
        local_rank = _read_variable("LOCAL_RANK", 0)
        if local_rank >= torch.cuda.device_count():
            raise ConfigError(
                f"LOCAL_RANK is {local_rank}, but torch finds {torch.cuda.device_count()} GPUs on this machine: start"
                " at most one process per GPU (torchrun --nproc-per-node)"
            )
        torch.cuda.set_device(local_rank)
    try:
        # gloo in addition to NCCL: the host's flags and objects must not wait for the GPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if device_type == "cuda" else "gloo", timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:  # dist.DistError is a RuntimeError
        raise TrainingError(
            f"the processes of this run cannot connect to each other ({error}): start them with torchrun"
        ) from error


def _has_process_group() -> bool:
    return dist.is_available() and dist.is_initialized()


def _lost_process_error(error: RuntimeError) -> TrainingError:
    return TrainingError(
        "another process of this run ended: see its message above, put that right, and resume from the last"
        f" checkpoint ({str(error).splitlines()[0][:200]})"
    )


def _another_process_failed_first() -> bool:
    """Count this process's failure in the store that all processes share; return whether another one came first."""
    try:
        store = dist.distributed_c10d._get_default_store()
        return int(store.add(_FAILURE_COUNTER_KEY, 1)) > 1
    except (RuntimeError, ValueError):  # the process that served the store has ended
        return False


def _exit_code(error: BaseException) -> int:
    if isinstance(error, Pix2StyleError):
        return error.exit_code
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _read_variable(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or (name == "WORLD_SIZE" and int(text) == 0):
        raise ConfigError(f"{name}={text!r} in the environment is no number of processes: unset it, or use torchrun")
    return int(text)
