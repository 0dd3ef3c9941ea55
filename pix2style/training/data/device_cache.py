"""Crop pairs that are kept in a GPU's memory: only a few numbers per crop travel to the GPU for a batch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pix2style.training.data.crops import Crops
from pix2style.training.data.decoded_cache import DecodedPairs
from pix2style.training.data.glimpses import batched_glimpse_indices


class DevicePairs:
    """All pairs as bytes on a device; crops are gathered by the indices of their pixels.

    Args:
        decoded: The pairs.
        crop: Side of the crops in pixels.
        device: Device to keep the pairs on. A GPU and the CPU give the same bytes.
        glimpses: Whether `crop` also returns glimpses of the whole photos.
    """

    def __init__(self, decoded: DecodedPairs, crop: int, device: torch.device, *, glimpses: bool = False) -> None:
        self._pixels = torch.from_numpy(np.asarray(decoded.pixels)).to(device)
        self._contents, self._targets, self._sizes = decoded.contents, decoded.targets, decoded.sizes
        self._offsets = torch.arange(crop, device=device)
        self._device, self._crop, self._glimpses = device, crop, glimpses

    def crop(self, crops: Crops) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return photos, targets and glimpses of some crops, as bytes on the device.

        Returns:
            Photos, uint8 [crops, crop, crop, 3]; targets, likewise, or None if there are none; glimpses, uint8
            [crops, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3], or None if they are not asked for.
        """
        (height, width), flip = self._sizes[crops.index].T, crops.flip
        # A mirrored crop begins at its rightmost column, and its rows are read from right to left.
        corner = crops.top * width + crops.left + flip * (self._crop - 1)
        direction = 1 - 2 * flip
        photo = self._contents[crops.index]
        corners = [corner + photo]
        if self._targets is not None:
            corners.append(corner + self._targets[crops.index])
        # One array, so that one transfer brings all numbers to the device.
        numbers = self._send(np.stack([height, width, direction, photo, *corners]))
        rows = self._offsets[:, None] * numbers[1, :, None, None]
        columns = self._offsets * numbers[2, :, None, None]
        images = [self._pixels[start[:, None, None] + (rows + columns)] for start in numbers[4:]]
        glimpse = self._glimpse(*numbers[:4]) if self._glimpses else None
        return images[0], images[1] if len(images) > 1 else None, glimpse

    def _glimpse(self, height: Tensor, width: Tensor, direction: Tensor, photo: Tensor) -> Tensor:
        """Return the same as `glimpses.photo_glimpse`, for several photos."""
        rows, columns = batched_glimpse_indices(height), batched_glimpse_indices(width)
        columns = torch.where(direction[:, None] > 0, columns, width[:, None] - 1 - columns)
        return self._pixels[(photo[:, None] + rows * width[:, None])[:, :, None] + columns[:, None, :]]

    def _send(self, numbers: NDArray[np.int64]) -> Tensor:
        """Bring numbers to the device; from pinned memory, so that the host does not wait for the transfer."""
        host = torch.from_numpy(numbers)
        return host.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else host
