"""Pairs in a GPU's memory: cut there, or brought there while the step before is being computed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pix2style.training.data.crops import Crops
from pix2style.training.data.decoded_cache import DecodedPairs
from pix2style.training.data.glimpses import glimpse_indices_of_sizes

_AHEAD = 3
_Item = TypeVar("_Item")


class DevicePairs:
    """All pairs as bytes on a device, from which crops are gathered by their indices.

    What goes there for a batch is a few numbers a pair, in pinned memory and without waiting.

    Args:
        decoded: the pairs.
        crop: side of the crops in pixels.
        device: where they are kept; any device gives the same bytes.
        glimpses: whether they are wanted.
    """

    def __init__(self, decoded: DecodedPairs, crop: int, device: torch.device, *, glimpses: bool = False) -> None:
        self._pixels = torch.from_numpy(np.asarray(decoded.pixels)).to(device)
        self._contents, self._targets, self._sides = decoded.contents, decoded.targets, decoded.sides
        self._along = torch.arange(crop, device=device)
        self._device, self._crop, self._glimpses = device, crop, glimpses

    def crop(self, cuts: Crops) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Photos and targets, uint8 [pairs, crop, crop, 3], and glimpses of the whole photos."""
        (height, width), flip = self._sides[cuts.index].T, cuts.flip
        corner = cuts.top * width + cuts.left + flip * (self._crop - 1)
        whole = self._contents[cuts.index]
        first = [corner + whole]
        if self._targets is not None:
            first.append(corner + self._targets[cuts.index])
        numbers = self._sent(np.stack([height, width, 1 - 2 * flip, whole, *first]))
        # a mirrored row is walked backwards
        within = self._along[:, None] * numbers[1, :, None, None] + self._along * numbers[2, :, None, None]
        pictures = [self._pixels[start[:, None, None] + within] for start in numbers[4:]]
        glimpse = self._glimpse(*numbers[:4]) if self._glimpses else None
        return pictures[0], pictures[1] if len(pictures) > 1 else None, glimpse

    def _glimpse(self, height: Tensor, width: Tensor, direction: Tensor, whole: Tensor) -> Tensor:
        """Uint8 [pairs, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3]; see `glimpses.photo_glimpse`."""
        rows, columns = glimpse_indices_of_sizes(height), glimpse_indices_of_sizes(width)
        columns = torch.where(direction[:, None] > 0, columns, width[:, None] - 1 - columns)
        return self._pixels[(whole[:, None] + rows * width[:, None])[:, :, None] + columns[:, None, :]]

    def _sent(self, numbers: NDArray[np.int64]) -> Tensor:
        host = torch.from_numpy(numbers)
        return host.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else host


Bytes = NDArray[np.uint8]


def prefetch_to_device(
    parts: Iterator[Sequence[Bytes | Tensor | None]], device: torch.device
) -> Iterator[list[Tensor | None]]:
    """Bring parts to a GPU from a thread and on a stream of their own, a few ahead of their use.

    Args:
        parts: pictures uint8 [batch, height, width, 3], and other tensors; None stays.
        device: a GPU.
    """
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def send(part: Sequence[Bytes | Tensor | None]) -> tuple[list[Tensor | None], torch.cuda.Event]:
        host = [one if one is None or isinstance(one, Tensor) else torch.from_numpy(one) for one in part]
        with torch.cuda.device(device), torch.cuda.stream(side):
            there = [None if one is None else one.pin_memory().to(device, non_blocking=True) for one in host]
            return there, side.record_event()

    for there, arrived in iterate_in_thread(map(send, parts)):
        using = torch.cuda.current_stream(device)
        using.wait_event(arrived)
        for one in there:
            if one is not None:
                one.record_stream(using)  # else its memory could be given away while the step still reads it
        yield there


def iterate_in_thread(items: Iterator[_Item], ahead: int = _AHEAD) -> Iterator[_Item]:
    """The same items, made in a thread, a few before they are asked for; its errors are raised here."""
    ready: queue.Queue[tuple[bool, _Item | BaseException | None]] = queue.Queue(ahead)
    stopped = threading.Event()

    def offer(*entry: object) -> None:
        while not stopped.is_set():
            try:
                ready.put(entry, timeout=0.1)  # type: ignore[arg-type]
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                offer(True, item)
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 (raised again where the items are used)
            offer(False, error)
        offer(False, None)

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
