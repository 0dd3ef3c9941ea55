"""Several processes as one: `torchrun --nproc-per-node N -m pix2style train ...` (data-parallel, one process per GPU).

Gradients are averaged by one all-reduce of one flat buffer, not by torch's DistributedDataParallel, which was tried:

* After its first iteration DDP sorts gradients into other buckets, and so adds them in another order: with three
  processes the same input gave other bits in the second iteration than in the first, so a resumed run could not equal
  an uninterrupted one. One buffer has one order.
* R1 and R2 differentiate the discriminator's uncompiled forward twice; DDP supports no double backward, and sees no
  forward that does not go through it.
* Whether a loss is finite, and the running means of BatchNorm and of the losses' balance, travel in the same buffer:
  all processes leave out the same steps and hold the same state, at no further synchronisation.

The price is that the exchange does not overlap the backward pass.
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

_TIMEOUT = datetime.timedelta(minutes=60)  # others wait while the first one looks at held-out photos
_FAILED_KEY = "pix2style/failed"
_LOST = ("Connection closed by peer", "Connection reset by peer")  # gloo's words, from a loss that adds over processes


@dataclass(frozen=True, slots=True)
class World:
    """The processes that train together.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are; 1 without torchrun.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> World:
        """The group that `process_group` made, or a world of one."""
        return cls(dist.get_rank(), dist.get_world_size()) if _is_initialized() else cls()

    @property
    def is_main(self) -> bool:
        """Whether this process writes, prints, tracks and validates."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until all processes are here."""
        self.any(False)

    def any(self, flag: bool) -> bool:
        """Whether one of the processes says yes; the same answer in all.

        Asked and answered on the host, so that no GPU is waited for.
        """
        if self.size == 1:
            return flag
        votes = torch.tensor([int(flag)], dtype=torch.int32)
        with _peers():
            dist.all_reduce(votes, op=dist.ReduceOp.MAX)
        return bool(votes.item())

    def broadcast_object(self, value: Any) -> Any:
        """What the main process hands in, in all processes: plain values."""
        if self.size == 1:
            return value
        box = [value if self.is_main else None]
        with _peers():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def all_gather_object(self, value: Any) -> list[Any]:
        """What each process hands in, by rank, in all processes: plain values."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with _peers():
            dist.all_gather_object(found, value)
        return found

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """One small tensor of the CPU from each process, by rank; of the same shape and type everywhere."""
        if self.size == 1:
            return [tensor]
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        with _peers():
            dist.all_gather(found, tensor)
        return found

    @torch.no_grad()
    def all_reduce_mean_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes: one all-reduce for all.

        Args:
            tensors: float32, on one device; of the same number and shapes in all processes.
        """
        if self.size == 1 or not tensors:
            return
        flat = flatten_tensors(tensors)
        with _peers():
            dist.all_reduce(flat)
        flat /= self.size
        torch._foreach_copy_(list(tensors), unflatten_tensors(flat, tensors))


def flatten_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """One after the other, each in the order of its dimensions; a copy."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def unflatten_tensors(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """What `flatten_tensors` put together, in the shapes of `like`."""
    pieces = torch.split(flat, [tensor.numel() for tensor in like])
    return [piece.view(tensor.shape) for piece, tensor in zip(pieces, like, strict=True)]


@contextmanager
def process_group(device_type: str) -> Iterator[World]:
    """Meet the processes that torchrun started, for the block; a world of one without torchrun.

    Whoever fails first says why; the others, which then fail for want of it, leave with the same code and no word.

    Args:
        device_type: cuda: each process takes the GPU of its LOCAL_RANK, and gradients travel by NCCL; cpu: by gloo.

    Raises:
        ConfigError: torchrun's variables make no sense here, or there are fewer GPUs than processes.
        TrainingError: the processes do not meet, or one of them is lost.
    """
    size = _variable("WORLD_SIZE", 1)
    if size == 1 or _is_initialized():
        yield World.current()
        return
    _meet(device_type)
    try:
        yield World.current()
    except BaseException as error:
        # no goodbye: the others notice that the connection is closed
        if _someone_failed_before():
            raise SystemExit(_exit_code(error)) from None
        if isinstance(error, RuntimeError) and any(said in str(error) for said in _LOST):
            raise _lost(error) from error
        raise
    else:
        dist.destroy_process_group()


def _meet(device_type: str) -> None:
    if device_type == "cuda":
        local = _variable("LOCAL_RANK", 0)
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"LOCAL_RANK is {local}, but torch finds {torch.cuda.device_count()} GPUs on this machine: start at"
                " most one process per GPU (torchrun --nproc-per-node)"
            )
        torch.cuda.set_device(local)
    try:
        # gloo beside NCCL: flags that the host needs never wait for the GPU
        dist.init_process_group("cpu:gloo,cuda:nccl" if device_type == "cuda" else "gloo", timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:  # dist.DistError is a RuntimeError
        raise TrainingError(f"the processes of this run do not meet: {error}: start them with torchrun") from error


def _is_initialized() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def _peers() -> Iterator[None]:
    """A process that is gone closes its connections, which the others see at their next exchange."""
    try:
        yield
    except RuntimeError as error:
        raise _lost(error) from error


def _lost(error: RuntimeError) -> TrainingError:
    return TrainingError(
        "another process of this run ended: see its message above, put that right, and resume from the last"
        f" checkpoint ({str(error).splitlines()[0][:200]})"
    )


def _someone_failed_before() -> bool:
    """Whether another process has said already why the run ends; counts this one."""
    try:
        store = dist.distributed_c10d._get_default_store()
        return int(store.add(_FAILED_KEY, 1)) > 1
    except (RuntimeError, ValueError):  # the store went down with the first process
        return False


def _exit_code(error: BaseException) -> int:
    if isinstance(error, Pix2StyleError):
        return error.exit_code
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _variable(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or (name == "WORLD_SIZE" and int(text) == 0):
        raise ConfigError(f"{name}={text!r} in the environment is no number of processes: unset it, or use torchrun")
    return int(text)
