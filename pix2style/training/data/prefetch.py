"""Prepare batches in a thread and bring them to a GPU while it computes the step before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BATCHES_AHEAD = 3
_Item = TypeVar("_Item")


def prefetch_to_device(
    batches: Iterator[Sequence[NDArray[np.uint8] | Tensor | None]], device: torch.device
) -> Iterator[list[Tensor | None]]:
    """Copy batches to a GPU from a thread, a few batches ahead of their use.

    Args:
        batches: Arrays and tensors on the host; None stays None.
        device: A GPU.

    Yields:
        The same batches as tensors on the GPU.
    """
    # On the stream that the networks compute on, a copy would wait for the step before.
    copy_stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def send(batch: Sequence[NDArray[np.uint8] | Tensor | None]) -> tuple[list[Tensor | None], torch.cuda.Event]:
        host = [torch.from_numpy(item) if isinstance(item, np.ndarray) else item for item in batch]
        with torch.cuda.device(device), torch.cuda.stream(copy_stream):
            sent = [None if item is None else item.pin_memory().to(device, non_blocking=True) for item in host]
            return sent, copy_stream.record_event()

    for sent, arrived in iterate_in_thread(map(send, batches)):
        compute_stream = torch.cuda.current_stream(device)
        compute_stream.wait_event(arrived)  # makes the GPU wait, not the host
        for tensor in sent:
            if tensor is not None:
                # The allocator knows only the stream that a tensor was allocated on. Without this, it could reuse the
                # memory for the next copy while the step still reads from it.
                tensor.record_stream(compute_stream)
        yield sent


def iterate_in_thread(items: Iterator[_Item], ahead: int = _BATCHES_AHEAD) -> Iterator[_Item]:
    """Iterate over `items` in a thread of its own, at most `ahead` items ahead of their use.

    An exception of `items` is raised where the next item is asked for. The thread ends with this generator.
    """
    ready: queue.Queue[tuple[bool, _Item | BaseException | None]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(*entry: object) -> None:
        # With a timeout: when the consumer stops, nobody empties a full queue any more.
        while not stopped.is_set():
            try:
                ready.put(entry, timeout=0.1)  # type: ignore[arg-type]
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put(True, item)
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 (raised again where the items are used)
            put(False, error)
        put(False, None)

    thread = threading.Thread(target=work, name="pairs", daemon=True)
    thread.start()
    try:
        while True:
            is_item, item = ready.get()
            if is_item:
                yield item  # type: ignore[misc]
            elif isinstance(item, BaseException):
                raise item
            else:
                return
    finally:
        stopped.set()
        thread.join()
